// What every kind of interface needs once it is inside the container.
import { message } from '../../kernel/rtnetlink.ts';
import { addressBytes, lastOf, requireAddress } from '../addresses.ts';
import type { SandboxNamespace } from '../sandbox.ts';
import type { EndpointSpec } from './driver.ts';

export function configureInterface(endpoint: EndpointSpec, sandbox: SandboxNamespace): void {
  const { interfaceName, ipv4, ipv6, linkLocal } = endpoint;
  const { index } = sandbox.route.link(interfaceName);
  if (ipv6) sandbox.setSysctls({ [`net/ipv6/conf/${interfaceName}/disable_ipv6`]: '0' });
  const addresses = [];
  if (ipv4) {
    const address = requireAddress(ipv4.address);
    const broadcast = addressBytes({ family: 4, value: lastOf({ ...address, bits: ipv4.bits }) });
    addresses.push(message.addAddress(index, { bytes: addressBytes(address), bits: ipv4.bits }, { broadcast }));
  }
  if (ipv6)
    addresses.push(message.addAddress(index, { bytes: addressBytes(requireAddress(ipv6.address)), bits: ipv6.bits }));
  for (const text of linkLocal) {
    const address = requireAddress(text);
    const bits = address.family === 4 ? 16 : 64;
    addresses.push(message.addAddress(index, { bytes: addressBytes(address), bits }));
  }
  sandbox.route.send(message.setLink(index, { up: true }), ...addresses);
}
