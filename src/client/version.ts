// The Engine API's version: each side speaks at most its own, the older one decides.

/** The newest version this client speaks. */
export const CLIENT_API_VERSION = '1.56';

/** What a daemon speaks that does not say so. */
export const UNSTATED_API_VERSION = '1.24';

/** Negative if a is older than b. */
export function compareVersions(a: string, b: string): number {
  const left = a.split('.');
  const right = b.split('.');
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    const difference = Number(left[i] ?? 0) - Number(right[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

export function isApiVersion(text: string): boolean {
  return /^\d{1,4}\.\d{1,4}$/.test(text);
}
