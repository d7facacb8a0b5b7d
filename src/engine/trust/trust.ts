// Whether an image may be here: signatures beside it in its registry, judged by a policy per repository. Images ask before
// they bring one, containers before they are made of one. What is signed is a digest; a tag that moves is asked about anew.
import type { Descriptor } from '../../content/oci.ts';
import type { Digest } from '../../lib/ids.ts';
import type { Reference } from '../../lib/reference.ts';
import type { Repository } from '../../registry/repository.ts';
import type { Credentials } from '../../registry/session.ts';
import type { Evidence, SignatureFormat } from '../../signatures/signature.ts';
import type { Mode } from './policy.ts';

/** What pulls ask. */
export interface PullGate {
  /** Before any content is fetched. Throws forbidden unless the image may come; `warn` hears what is let pass all the same. */
  admitPull(pull: PullRequest): Promise<void>;
}

export interface PullRequest {
  reference: Reference;
  target: Descriptor;
  /** Where signatures are looked for, mirrors first. */
  repositories: readonly Repository[];
  /** The client wants a signature whatever the policy says. */
  required: boolean;
  signal: AbortSignal;
  warn(text: string): void;
}

/** What containers ask. */
export interface RunGate {
  /**
   * Before a container is made. Signatures that were good once are kept, and judged again by the policy of today; only for
   * an image without any the registry is asked. Undefined where nothing is to be checked, which is usual.
   */
  admitRun(run: RunRequest): Promise<string[]> | undefined;
}

export interface RunRequest {
  digest: Digest;
  /** What it is called by: the name that was asked for, or for an id all that it has. */
  names: readonly Reference[];
  required: boolean;
}

export interface TrustService extends PullGate, RunGate {
  /** Throws if the policy can't be read: at start-up, so that nobody finds out later. */
  check(): void;
  summary(): PolicySummary;
  inspect(request: RemoteRequest): Promise<TrustReport>;
  /** Stores a signature beside the image in its registry. */
  attach(request: RemoteRequest, subject: Descriptor, evidence: NewEvidence): Promise<{ digest: Digest }>;
  /** Removes all signatures of what a name points at, from the registry. Those are returned. */
  revoke(request: RemoteRequest): Promise<{ digest: Digest; removed: Digest[] }>;
}

/** What we sign ourselves. */
export type NewEvidence = Exclude<Evidence, { kind: 'bundle' }>;

export interface RemoteRequest {
  reference: Reference;
  credentials: Credentials;
  signal: AbortSignal;
}

export interface PolicySummary {
  /** Where the policy is, or would be. */
  file: string;
  exists: boolean;
  default: Mode;
  rules: number;
}

export interface TrustReport {
  repository: string;
  digest: Digest;
  mode: Mode;
  /** The policy's pattern that the repository matched; '' if none did. */
  pattern: string;
  signatures: ReportedSignature[];
}

export type ReportedSignature = { format: SignatureFormat } & (
  | { valid: true; signer: string; keyId: string; warnings: readonly string[] }
  | { valid: false; reason: string }
);
