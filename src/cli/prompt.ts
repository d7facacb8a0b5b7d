// Questions to the user.
import type { Cli } from './framework/cli.ts';
import { ExitError } from './framework/errors.ts';

/** One line of stdin without the space around it; empty at its end. The question is printed first. */
export async function ask(cli: Cli, question: string): Promise<string> {
  cli.out.write(question);
  await cli.out.flush();
  return (await readLine()).trim();
}

/** Whether the answer is "y". */
export async function confirm(cli: Cli, question: string): Promise<boolean> {
  return (await ask(cli, `${question} [y/N] `)).toLowerCase() === 'y';
}

/** Asks before something is removed, and ends the command unless the answer is yes. A "no" is no failure. */
export async function confirmOrCancel(cli: Cli, question: string): Promise<void> {
  if (!(await confirm(cli, question))) throw new ExitError(0);
}

async function readLine(): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of Bun.stdin.stream()) {
    text += decoder.decode(chunk, { stream: true });
    const end = text.indexOf('\n');
    if (end >= 0) return text.slice(0, end);
  }
  return text;
}
