// The engine's trust: a policy file, the registries, and what was good once.
import type { Descriptor } from '../../content/oci.ts';
import { forbidden, isKind, messageOf, notFound, unavailable } from '../../lib/errors.ts';
import type { Digest } from '../../lib/ids.ts';
import { familiarRepository, type Reference, repositoryOf, withDefaultTag } from '../../lib/reference.ts';
import { ConnectionFailure, RegistryFailure } from '../../registry/failures.ts';
import type { Repository } from '../../registry/repository.ts';
import { DEFAULT_ATTEMPTS, retrying } from '../../registry/retry.ts';
import { type Credentials, NO_CREDENTIALS } from '../../registry/session.ts';
import { isAttestation } from '../../signatures/cosign.ts';
import { judge } from '../../signatures/judge.ts';
import type { Evidence, Verdict } from '../../signatures/signature.ts';
import type { StateDatabase } from '../state/database.ts';
import { attachSignature, changeReferrersTag } from './attach-signature.ts';
import { findSignatures, signedArtifacts } from './find-signatures.ts';
import { KeptSignatures } from './kept-signatures.ts';
import { type Policy, type Ruling, readPolicy, rulingFor } from './policy.ts';
import type {
  NewEvidence,
  PolicySummary,
  PullRequest,
  RemoteRequest,
  RunRequest,
  TrustReport,
  TrustService,
} from './trust.ts';

export interface TrustOptions {
  /** Where the policy is. */
  file: string;
  /** It was named, so it has to be there. */
  mustExist: boolean;
  database: StateDatabase;
  registries: {
    forPull(reference: Reference, credentials: Credentials): Promise<Repository[]>;
    forPush(reference: Reference, credentials: Credentials, sources: readonly string[]): Promise<Repository>;
  };
}

/** A container's start must not wait for a registry that does not answer. */
const RUN_PATIENCE_MS = 20_000;

interface Case {
  repository: string;
  digest: Digest;
  ruling: Ruling;
  required: boolean;
}

export class EngineTrust implements TrustService {
  readonly #kept: KeptSignatures;

  constructor(private readonly options: TrustOptions) {
    this.#kept = new KeptSignatures(options.database);
    this.#kept.sweep();
  }

  check(): void {
    this.#policy();
  }

  summary(): PolicySummary {
    const policy = this.#policy();
    const { file } = this.options;
    return { file, exists: policy !== undefined, default: policy?.default ?? 'off', rules: policy?.rules.length ?? 0 };
  }

  async admitPull({ reference, target, repositories, required, signal, warn }: PullRequest): Promise<void> {
    const repository = repositoryOf(reference);
    const ruling = rulingFor(this.#policy(), repository);
    if (ruling.mode === 'off' && !required) return;
    const asked = { repository, digest: target.digest, ruling, required };
    const complaint = await this.#complaintOf(asked, repositories, signal, warn);
    if (complaint === undefined) return;
    if (isMandatory(asked)) throw complaint;
    warn(`WARNING: ${complaint.message}`);
  }

  admitRun(run: RunRequest): Promise<string[]> | undefined {
    const policy = this.#policy();
    if (!policy && !run.required) return undefined;
    const rulings = run.names.map(name => ({ name, ruling: rulingFor(policy, repositoryOf(name)) }));
    if (!run.required) {
      if (rulings.some(({ ruling }) => ruling.mode === 'off')) return undefined;
      if (rulings.length === 0 && policy!.default === 'off') return undefined;
    }
    return this.#admitRun(run, policy, rulings);
  }

  async #admitRun(
    { digest, required }: RunRequest,
    policy: Policy | undefined,
    rulings: readonly { name: Reference; ruling: Ruling }[],
  ): Promise<string[]> {
    if (rulings.length === 0) {
      const text = `the trust policy ${this.options.file} wants signatures of all images, and ${digest} has no name to look for them by: tag it, or change "default"`;
      if (required || policy?.default === 'enforce') throw forbidden(text);
      return [text];
    }
    const complaints: { mandatory: boolean; error: Error }[] = [];
    for (const { name, ruling } of rulings) {
      const asked = { repository: repositoryOf(name), digest, ruling, required };
      const kept = await judgeAll(this.#kept.of(digest), digest, ruling);
      const good = kept.find(verdict => verdict.valid);
      if (good) return good.warnings.map(text => `${familiarRepository(name)}: ${text}`);
      const mandatory = isMandatory(asked);
      const error = mandatory ? await this.#askRegistry(name, asked) : this.#refusal(asked, kept);
      if (error === undefined) return [];
      complaints.push({ mandatory, error });
    }
    // As with `off`: an image may be used by the most lenient of its names.
    const lenient = complaints.find(({ mandatory }) => !mandatory);
    if (lenient) return [lenient.error.message];
    throw complaints[0]!.error;
  }

  async #askRegistry(name: Reference, asked: Case): Promise<Error | undefined> {
    const signal = AbortSignal.timeout(RUN_PATIENCE_MS);
    try {
      const repositories = await this.options.registries.forPull(name, NO_CREDENTIALS);
      return await this.#complaintOf(asked, repositories, signal, () => {});
    } catch (error) {
      if (!signal.aborted && !isKind(error, 'failed')) throw error;
      return unreachable(asked, signal.aborted ? 'no answer' : messageOf(error), error);
    }
  }

  /** Undefined if there is a good signature; that is kept. */
  async #complaintOf(
    asked: Case,
    repositories: readonly Repository[],
    signal: AbortSignal,
    warn: (text: string) => void,
  ): Promise<Error | undefined> {
    const { ruling } = asked;
    if (ruling.signers.keys.length === 0 && ruling.signers.certificates.length === 0) return this.#refusal(asked, []);
    // A single repository tries again by itself; of mirrors and their registry each is asked once in a round.
    const attempts = repositories.length === 1 ? 1 : DEFAULT_ATTEMPTS;
    try {
      const verdicts = await retrying({ attempts }, signal, () => this.#look(asked, repositories, signal, warn));
      return verdicts && this.#refusal(asked, verdicts);
    } catch (error) {
      signal.throwIfAborted();
      if (!isRegistrys(error)) throw error;
      return unreachable(asked, messageOf(error), error);
    }
  }

  /** What is thought of the signatures that there are; undefined if one is good. */
  async #look(
    { repository: name, digest, ruling }: Case,
    repositories: readonly Repository[],
    signal: AbortSignal,
    warn: (text: string) => void,
  ): Promise<Verdict[] | undefined> {
    const verdicts: Verdict[] = [];
    let failure: unknown;
    for (const repository of repositories) {
      let found: Evidence[] = [];
      try {
        found = await findSignatures(repository, digest, signal);
      } catch (error) {
        signal.throwIfAborted();
        if (!isRegistrys(error)) throw error;
        failure = error;
      }
      const judged = await judgeAll(found, digest, ruling);
      const good = found.filter((_, at) => judged[at]!.valid);
      if (good.length > 0) {
        this.#kept.keep(digest, good);
        const warnings = judged.flatMap(verdict => (verdict.valid ? verdict.warnings : []));
        for (const text of warnings) warn(`WARNING: ${name}: ${text}`);
        return undefined;
      }
      verdicts.push(...judged);
    }
    if (verdicts.length === 0 && failure !== undefined) throw failure;
    return verdicts;
  }

  #refusal({ repository, digest, ruling, required }: Case, verdicts: readonly Verdict[]): Error {
    const { file } = this.options;
    const { keys, certificates } = ruling.signers;
    if (keys.length === 0 && certificates.length === 0) {
      const wish =
        required && ruling.mode !== 'enforce'
          ? 'DOCKER_CONTENT_TRUST asks for a signature'
          : `the trust policy ${file} wants a signature`;
      return forbidden(
        `${wish} of ${repository}@${digest}, but no rule of the trust policy ${file} names keys or certificates for ${repository}: add one, or leave content trust off for it`,
      );
    }
    const who = `the trust policy ${file} (${required ? 'enforce, by DOCKER_CONTENT_TRUST' : ruling.mode}, for "${ruling.pattern}")`;
    return forbidden(
      `${who} ${ruling.mode === 'warn' && !required ? 'finds fault with' : 'refuses'} ${repository}@${digest}: ${foundText(verdicts)}. Have it signed by a key or certificate that the policy names ('docker trust sign'), or change the policy`,
    );
  }

  async inspect({ reference, credentials, signal }: RemoteRequest): Promise<TrustReport> {
    const repository = repositoryOf(reference);
    const ruling = rulingFor(this.#policy(), repository);
    const remote = await this.options.registries.forPush(reference, credentials, []);
    const digest = await digestIn(remote, reference, signal);
    const found = await findSignatures(remote, digest, signal);
    const signatures = await judgeAll(found, digest, ruling);
    return { repository, digest, mode: ruling.mode, pattern: ruling.pattern, signatures };
  }

  async attach({ reference, credentials, signal }: RemoteRequest, subject: Descriptor, evidence: NewEvidence) {
    const remote = await this.options.registries.forPush(reference, credentials, []);
    await digestIn(remote, { ...reference, tag: undefined, digest: subject.digest }, signal);
    return { digest: await attachSignature(remote, subject, evidence, signal) };
  }

  async revoke({ reference, credentials, signal }: RemoteRequest) {
    const remote = await this.options.registries.forPush(reference, credentials, []);
    const digest = await digestIn(remote, reference, signal);
    const signed = await signedArtifacts(remote, digest, signal);
    // Attestations come in the same bundles, and are not what is revoked.
    const found = new Set(signed.filter(each => !each.evidence.every(isAttestation)).map(each => each.digest));
    for (const artifact of found) await removeFrom(remote, artifact, reference, signal);
    await changeReferrersTag(remote, digest, all => all.filter(each => !found.has(each.digest)), signal);
    this.#kept.forget(digest);
    return { digest, removed: [...found] };
  }

  #policy(): Policy | undefined {
    const { file, mustExist } = this.options;
    const policy = readPolicy(file);
    if (!policy && mustExist) {
      throw notFound(
        `the trust policy ${file} is not there: it was named by --trust-policy or "trust-policy" in daemon.json`,
      );
    }
    return policy;
  }
}

const isRegistrys = (error: unknown) => error instanceof RegistryFailure || error instanceof ConnectionFailure;

function judgeAll(all: readonly Evidence[], digest: Digest, { signers }: Ruling): Promise<Verdict[]> {
  return Promise.all(all.map(evidence => judge(evidence, digest, signers)));
}

async function removeFrom(
  remote: Repository,
  artifact: Digest,
  reference: Reference,
  signal: AbortSignal,
): Promise<void> {
  try {
    await remote.deleteManifest(artifact, signal);
  } catch (error) {
    if (!(error instanceof RegistryFailure) || error.status !== 405) throw error;
    throw forbidden(
      `${reference.domain} does not allow deletions, so the signatures of ${familiarRepository(reference)} stay: have deletion allowed there, or take the key out of the trust policies (${error.message})`,
      error,
    );
  }
}

const isMandatory = ({ required, ruling }: Case) => required || ruling.mode === 'enforce';

function foundText(verdicts: readonly Verdict[]): string {
  const reasons = verdicts.map(verdict => `${verdict.format}: ${verdict.valid ? 'good' : verdict.reason}`);
  if (reasons.length === 0) return 'it has no signature';
  if (reasons.length === 1) return `its only signature is no good (${reasons[0]})`;
  return `none of its ${reasons.length} signatures is good (${[...new Set(reasons)].join('; ')})`;
}

function unreachable({ repository, digest }: Case, why: string, cause: unknown): Error {
  return unavailable(`the signatures of ${repository}@${digest} could not be looked for: ${why}`, cause);
}

async function digestIn(remote: Repository, reference: Reference, signal: AbortSignal): Promise<Digest> {
  const named = withDefaultTag(reference);
  const digest = await remote.manifestDigest(named.digest ?? named.tag!, signal);
  if (digest) return digest;
  throw notFound(
    `there is no ${repositoryOf(reference)}${named.digest ? `@${named.digest}` : `:${named.tag}`} in its registry: push it first`,
  );
}
