// Takes an interface from a living container.
import { randomBytes } from 'node:crypto';
import type { NetlinkMessage } from '../../kernel/netlink.ts';
import { message } from '../../kernel/rtnetlink/message.ts';
import { RouteSocket } from '../../kernel/rtnetlink/socket.ts';
import type { SandboxNamespace } from '../sandbox.ts';
import type { EndpointSpec } from './driver.ts';
import { isGone } from './host-kernel.ts';

/** It is not heard any more, and its addresses are free for the next. */
export function switchOff(endpoint: EndpointSpec, sandbox: SandboxNamespace | undefined): void {
  try {
    if (sandbox) switchOffLink(endpoint, sandbox);
  } catch (error) {
    if (!isGone(error)) throw error;
  }
}

function switchOffLink(
  endpoint: EndpointSpec,
  { route }: SandboxNamespace,
  after: (index: number) => NetlinkMessage[] = () => [],
): number {
  const { index } = route.link(endpoint.interfaceName);
  const addresses = route.addresses().filter(({ link }) => link === index);
  route.send(
    message.setLink(index, { up: false }),
    ...addresses.flatMap(({ address }) => (address.bytes.length === 4 ? [message.deleteAddress(index, address)] : [])),
    ...after(index),
  );
  return index;
}

/** The kernel keeps all changes of networks waiting while it begins with a deletion: who asked for this one gets his answer first. */
const FIRST_THE_ANSWER_MS = 5;

/**
 * When this returns, the interface is down and has another name, so that its own is free; when the promise resolves, it is
 * gone. The kernel takes 20 ms for that, which nobody needs to wait for.
 */
export function takeAway(endpoint: EndpointSpec, sandbox: SandboxNamespace): Promise<void> {
  try {
    const name = `gone-${randomBytes(4).toString('hex')}`;
    const index = switchOffLink(endpoint, sandbox, link => [message.setLink(link, { name })]);
    const socket = sandbox.visit(() => new RouteSocket());
    const deletion = Bun.sleep(FIRST_THE_ANSWER_MS).then(() => socket.sendLast(message.deleteLink(index)));
    return withoutGone(deletion);
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
