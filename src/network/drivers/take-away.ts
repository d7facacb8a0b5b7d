// Takes an interface from a living container.
import { randomBytes } from 'node:crypto';
import { message, RouteSocket } from '../../kernel/rtnetlink.ts';
import type { SandboxNamespace } from '../sandbox.ts';
import type { EndpointSpec } from './driver.ts';
import { isGone } from './host-kernel.ts';

/**
 * When this returns, the interface is down and has another name, so that its own is free; when the promise resolves, it is
 * gone. The kernel takes 20 ms for that, which nobody needs to wait for.
 */
export function takeAway(endpoint: EndpointSpec, sandbox: SandboxNamespace): Promise<void> {
  try {
    const { index } = sandbox.route.link(endpoint.interfaceName);
    const addresses = sandbox.route.addresses().filter(({ link }) => link === index);
    sandbox.route.send(
      message.setLink(index, { up: false }),
      ...addresses.flatMap(({ address }) =>
        address.bytes.length === 4 ? [message.deleteAddress(index, address)] : [],
      ),
      message.setLink(index, { name: `gone-${randomBytes(4).toString('hex')}` }),
    );
    return withoutGone(sandbox.visit(() => new RouteSocket()).sendLast(message.deleteLink(index)));
  } catch (error) {
    // A container with the right to do so may have deleted it itself.
    if (isGone(error)) return Promise.resolve();
    throw error;
  }
}

async function withoutGone(deletion: Promise<void>): Promise<void> {
  try {
    await deletion;
  } catch (error) {
    if (!isGone(error)) throw error;
  }
}
