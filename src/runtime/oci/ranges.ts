// Lists like "0-3,7", as cpusets have them.

/** The kernel's usual maximum; a range must not make us count to a number that somebody made up. */
const MAX = 8192;

/** Throws an Error that says what is wrong with the text. */
export function parseRangeList(text: string): Set<number> {
  const numbers = new Set<number>();
  if (text === '') return numbers;
  for (const part of text.split(',')) {
    const match = /^(\d+)(?:-(\d+))?$/.exec(part);
    const first = Number(match?.[1]);
    const last = Number(match?.[2] ?? match?.[1]);
    if (!match || last < first) throw new Error(`invalid format: ${text}`);
    if (last > MAX) throw new Error(`value of out range, maximum is ${MAX}`);
    for (let number = first; number <= last; number++) numbers.add(number);
  }
  return numbers;
}
