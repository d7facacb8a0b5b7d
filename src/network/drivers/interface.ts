// What every kind of interface needs once it is inside the container.
import { KernelError } from '../../kernel/libc.ts';
import type { NetlinkMessage } from '../../kernel/netlink.ts';
import { message } from '../../kernel/rtnetlink/message.ts';
import type { RouteSocket } from '../../kernel/rtnetlink/socket.ts';
import { messageOf } from '../../lib/errors.ts';
import { log } from '../../lib/logger.ts';
import { addressBytes, lastOf, requireAddress } from '../addresses.ts';
import type { SandboxNamespace } from '../sandbox.ts';
import type { EndpointSpec } from './driver.ts';
import { isThere } from './host-kernel.ts';
import { takeAway } from './take-away.ts';

const PAUSE_MS = 5;
/** For all of an interface: a start is synchronous, so everybody else waits as well. */
const PATIENCE_MS = 500;

/** Of an interface that was made for the endpoint: if it can't be as it should, it is not there. */
export function configureNewInterface(endpoint: EndpointSpec, sandbox: SandboxNamespace): void {
  try {
    configureInterface(endpoint, sandbox);
  } catch (error) {
    takeAway(endpoint, sandbox).catch(failure =>
      log.warn('a half made interface stays', { interface: endpoint.interfaceName, error: messageOf(failure) }),
    );
    throw error;
  }
}

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
  settle(sandbox.route, [message.setLink(index, { up: true }), ...addresses]);
}

/** An earlier interface with the same address may be there for as long as the kernel takes to end its namespace. */
function settle(route: RouteSocket, steps: readonly NetlinkMessage[]): void {
  try {
    route.send(...steps);
  } catch (error) {
    if (!isInUse(error)) throw error;
    const deadline = performance.now() + PATIENCE_MS;
    for (const step of steps) sendPatiently(route, step, deadline);
  }
}

function sendPatiently(route: RouteSocket, step: NetlinkMessage, deadline: number): void {
  for (;;) {
    try {
      route.send(step);
      return;
    } catch (error) {
      if (isThere(error)) return;
      if (!isInUse(error) || performance.now() >= deadline) throw error;
      Bun.sleepSync(PAUSE_MS);
    }
  }
}

const isInUse = (error: unknown) => error instanceof KernelError && error.code === 'EADDRINUSE';
