// The name that somebody meant who wrote another.

/** The closest of the names, if one is close: one slip in a short word, two in a long one. Of equals the last. */
export function nearest(word: string, names: readonly string[]): string | undefined {
  let best: string | undefined;
  let least = word.length < 5 ? 1 : 2;
  for (const name of names) {
    const distance = slips(word, name);
    if (distance <= least) [best, least] = [name, distance];
  }
  return best;
}

/** How many letters to add, take away, replace, or swap with the next one. */
function slips(a: string, b: string): number {
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replace = last[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      let cost = Math.min(replace, last[j]! + 1, row[j - 1]! + 1);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) cost = Math.min(cost, before[j - 2]! + 1);
      row.push(cost);
    }
    [before, last] = [last, row];
  }
  return last[b.length]!;
}
