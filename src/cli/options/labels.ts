// `--label name=value`.
import { validateLabel } from '../commands/container/create-options/key-values.ts';

export const labelFlag = (summary: string) => ({ type: 'list', parse: validateLabel, summary }) as const;
