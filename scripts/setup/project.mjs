// Where things are.
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');
export const inProject = path => `${root}/${path}`;
export const bun = inProject('node_modules/.bin/bun');
export const dist = inProject('dist');
