// Signatures of images: Dockyard's own, Docker's API has nothing of the kind.
import { type Descriptor, descriptorOf } from '../../engine/images/images.ts';
import type { NewEvidence, RemoteRequest, TrustService } from '../../engine/trust/trust.ts';
import { invalid } from '../../lib/errors.ts';
import { parseReference } from '../../lib/reference.ts';
import { type ByteSource, collectBounded } from '../../lib/streams.ts';
import { AUTH_HEADER, credentialsOf } from '../registry-auth.ts';
import { created, json } from '../reply.ts';
import { type Route, type RouteRequest, route } from '../route.ts';

const MAX_BODY = 1024 * 1024;

export function trustRoutes(trust: TrustService): Route[] {
  return [
    route('GET', '/dockyard/trust', async () => json(trust.summary())),

    route('GET', '/dockyard/trust/{name:.*}/signatures', async request => json(await trust.inspect(remoteOf(request)))),

    route('POST', '/dockyard/trust/{name:.*}/signatures', async request => {
      const { subject, evidence } = await signatureFrom(request.body);
      return created(await trust.attach(remoteOf(request), subject, evidence));
    }),

    route('DELETE', '/dockyard/trust/{name:.*}/signatures', async request =>
      json(await trust.revoke(remoteOf(request))),
    ),
  ];
}

function remoteOf({ params, headers, signal }: RouteRequest<'name'>): RemoteRequest {
  return { reference: parseReference(params.name), credentials: credentialsOf(headers.get(AUTH_HEADER)), signal };
}

async function signatureFrom(body: ByteSource): Promise<{ subject: Descriptor; evidence: NewEvidence }> {
  let value: unknown;
  try {
    value = JSON.parse((await collectBounded(body, MAX_BODY)).toString('utf8'));
  } catch (error) {
    throw invalid('invalid JSON in the request body', error);
  }
  const { subject, evidence } = (value ?? {}) as Record<string, unknown>;
  return { subject: descriptorOf(subject, 'subject'), evidence: evidenceOf(evidence) };
}

function evidenceOf(value: unknown): NewEvidence {
  const { kind, payload, signature, mediaType, envelope } = (value ?? {}) as Record<string, unknown>;
  if (kind === 'cosign' && isBase64(payload) && isBase64(signature))
    return { kind, payload, signature, keyless: false };
  if (kind === 'notation' && typeof mediaType === 'string' && isBase64(envelope)) return { kind, mediaType, envelope };
  throw invalid(
    'field evidence must be a signature of kind "cosign" (payload, signature) or "notation" (mediaType, envelope)',
  );
}

function isBase64(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && /^[A-Za-z0-9+/]+={0,2}$/.test(value);
}
