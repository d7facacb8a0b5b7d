// Removes what tests that crashed or were killed have left behind. Says what it found, and nothing if there was nothing.
import { describeLeftovers, findLeftovers, removeLeftovers } from './leftovers.ts';
import { abandonedRoots } from './roots.ts';

for (const roots of abandonedRoots()) {
  console.log(`swept ${roots.base}\n${describeLeftovers(findLeftovers(roots))}`.trimEnd());
  await removeLeftovers(roots).catch(error => console.error(error));
}
