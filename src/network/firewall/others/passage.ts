// What chains of others are to let pass: packets between one of our bridges and another one of ours, or the outside. All else they
// judge as if we were not there. It is done by chains of our own beside theirs, and by one rule in theirs that leads there.

export interface Passage {
  bridges: readonly string[];
  outside: readonly string[];
}

/** One rule of our chains: an interface that the packet comes or goes by, and what happens then. */
export interface PassageRule {
  direction: 'in' | 'out';
  link: string;
  to: 'accept' | { jump: string };
}

/** By name, the one that the others' rule leads to first. `owner` must leave room for seven more letters. */
export function passageChains(owner: string, { bridges, outside }: Passage): ReadonlyMap<string, PassageRule[]> {
  const outward = `${owner}-to`;
  const inward = `${owner}-from`;
  const accept = (direction: PassageRule['direction'], links: readonly string[]) =>
    links.map((link): PassageRule => ({ direction, link, to: 'accept' }));
  return new Map([
    [
      owner,
      bridges.flatMap((link): PassageRule[] => [
        { direction: 'in', link, to: { jump: outward } },
        { direction: 'out', link, to: { jump: inward } },
      ]),
    ],
    [outward, accept('out', [...outside, ...bridges])],
    [inward, accept('in', outside)],
  ]);
}

/** Equal for those that need no change. */
export const signatureOf = (passage: Passage) => JSON.stringify([passage.bridges, passage.outside]);
