// DOCKER_CONTENT_TRUST as our client passes it on: the image of this request must be signed, whatever the policy says.
import type { HttpRequest } from './http/message.ts';

export function signatureRequired(headers: HttpRequest['headers']): boolean {
  return headers.get('x-dockyard-content-trust') === 'required';
}
