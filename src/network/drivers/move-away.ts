// Takes an interface from a living container.
import { message } from '../../kernel/rtnetlink.ts';
import { SandboxNamespace } from '../sandbox.ts';
import type { EndpointSpec } from './driver.ts';
import { isGone } from './host-kernel.ts';

/**
 * Deleting an interface makes the kernel wait for all processors, 20 ms and more. One that dies with its namespace does so
 * in the background.
 */
export function moveAway(endpoint: EndpointSpec, sandbox: SandboxNamespace): void {
  using doomed = SandboxNamespace.create();
  try {
    sandbox.route.send(message.setLink(endpoint.interfaceName, { up: false, namespace: doomed.descriptor }));
  } catch (error) {
    // A container with the right to do so may have deleted it itself.
    if (!isGone(error)) throw error;
  }
}
