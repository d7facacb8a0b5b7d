// What is checked without running anything of ours.
import { bun, inProject } from '../setup/project.mjs';

export const checks = [
  { name: 'types', command: [inProject('node_modules/.bin/tsc'), '--noEmit'] },
  { name: 'format and lint', command: [inProject('node_modules/.bin/biome'), 'check', '.', '--diagnostic-level=warn'] },
  { name: 'import directions', command: [bun, 'scripts/check-imports.ts'] },
  { name: 'documentation', command: [bun, 'scripts/check-docs.ts'] },
];
