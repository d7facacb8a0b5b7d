// Signatures of images, as Dockyard's engine offers them; Docker's own has nothing of the kind.
import type { EngineClient } from './client.ts';
import { isStatus } from './errors.ts';
import { signaturesPath as path } from './paths.ts';

/** Sent with a pull or a creation: only what is signed, whatever the engine's policy says. */
export const SIGNATURE_REQUIRED = { 'X-Dockyard-Content-Trust': 'required' } as const;

export interface PolicySummary {
  file: string;
  exists: boolean;
  default: string;
  rules: number;
}

/** Undefined if the engine does not verify signatures. */
export async function policy(client: EngineClient): Promise<PolicySummary | undefined> {
  try {
    return await (await client.request('GET', '/dockyard/trust')).json();
  } catch (error) {
    if (isStatus(error, 404)) return undefined;
    throw error;
  }
}

export interface Report {
  repository: string;
  digest: string;
  mode: string;
  pattern: string;
  signatures: ReportedSignature[];
}

export type ReportedSignature = { format: string } & (
  | { valid: true; signer: string; keyId: string; warnings: string[] }
  | { valid: false; reason: string }
);

export interface Subject {
  mediaType: string;
  digest: string;
  size: number;
}

const auth = (registryAuth: string) => ({ 'X-Registry-Auth': registryAuth });

/** The signatures of what a name points at in its registry, and what the policy makes of them. */
export async function inspect(client: EngineClient, name: string, registryAuth: string): Promise<Report> {
  return (await client.request('GET', path(name), { headers: auth(registryAuth) })).json();
}

/** Has a signature stored beside the image. */
export async function attach(
  client: EngineClient,
  name: string,
  signature: { subject: Subject; evidence: object },
  registryAuth: string,
): Promise<{ digest: string }> {
  return (await client.request('POST', path(name), { json: signature, headers: auth(registryAuth) })).json();
}

export async function revoke(
  client: EngineClient,
  name: string,
  registryAuth: string,
): Promise<{ digest: string; removed: string[] }> {
  return (await client.request('DELETE', path(name), { headers: auth(registryAuth) })).json();
}
