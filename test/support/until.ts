// Waiting for something to become true, instead of sleeping and hoping.

export interface UntilOptions {
  /** What is waited for, to be named when it does not come. */
  what?: string | (() => string);
  /** Milliseconds; generous, because it only matters for a test that fails. */
  within?: number;
}

/** The first truthy value of the predicate. One that throws counts as not yet, and its error is told in the end. */
export async function until<T>(
  predicate: () => T | Promise<T>,
  { what = predicate.toString(), within = 30_000 }: UntilOptions = {},
): Promise<NonNullable<T>> {
  const deadline = performance.now() + within;
  let last: unknown;
  for (let pause = 2; ; pause = Math.min(pause * 1.5, 100)) {
    try {
      const value = await predicate();
      if (value) return value;
      last = value;
    } catch (error) {
      last = error;
    }
    if (performance.now() > deadline) {
      const waitedFor = typeof what === 'string' ? what : what();
      throw new Error(`not within ${within} ms: ${waitedFor} (last: ${Bun.inspect(last)})`, { cause: last });
    }
    await Bun.sleep(pause);
  }
}
