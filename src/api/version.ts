// The API's versions, and the one that a request speaks.
import { invalid } from '../lib/errors.ts';
import { NEWEST_API, OLDEST_API } from '../wire/api-version.ts';

export class ApiVersion {
  readonly #parts: readonly number[];

  constructor(readonly text: string) {
    this.#parts = text.split('.').map(part => Number.parseInt(part, 10) || 0);
  }

  /** `version.before('1.44')`: the client knows nothing of what came with 1.44. */
  before(other: string): boolean {
    return this.#compare(new ApiVersion(other)) < 0;
  }

  #compare(other: ApiVersion): number {
    const length = Math.max(this.#parts.length, other.#parts.length);
    for (let i = 0; i < length; i++) {
      const difference = (this.#parts[i] ?? 0) - (other.#parts[i] ?? 0);
      if (difference !== 0) return difference;
    }
    return 0;
  }
}

export const newest = new ApiVersion(NEWEST_API);

/** The version of a path's prefix, or the newest without one. Throws what Docker's clients recognise. */
export function requestVersion(prefix: string | undefined): ApiVersion {
  if (prefix === undefined) return newest;
  const version = new ApiVersion(prefix);
  if (version.before(OLDEST_API)) {
    throw invalid(
      `client version ${prefix} is too old. Minimum supported API version is ${OLDEST_API}, please upgrade your client to a newer version`,
    );
  }
  if (newest.before(prefix)) {
    throw invalid(`client version ${prefix} is too new. Maximum supported API version is ${NEWEST_API}`);
  }
  return version;
}
