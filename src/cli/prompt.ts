// Questions to the user.
import type { Cli } from './framework/cli.ts';
import { ExitError } from './framework/errors.ts';

/** One line of stdin without the space around it; empty at its end. The question is printed first. */
export async function ask(cli: Cli, question: string): Promise<string> {
  cli.out.write(question);
  await cli.out.flush();
  return (await nextLine()).trim();
}

/** The same, for what nobody else should see. */
export async function askHidden(cli: Cli, question: string): Promise<string> {
  const { hiddenInput } = await import('./stdio/terminal.ts');
  const restore = hiddenInput(0);
  try {
    return await ask(cli, question);
  } finally {
    restore();
    // The user's own line break was not shown either.
    cli.out.line('');
  }
}

/** Whether the answer is "y". */
export async function confirm(cli: Cli, question: string): Promise<boolean> {
  return (await ask(cli, `${question} [y/N] `)).toLowerCase() === 'y';
}

/** Asks before something is removed, and ends the command unless the answer is yes. A "no" is no failure. */
export async function confirmOrCancel(cli: Cli, question: string): Promise<void> {
  if (!(await confirm(cli, question))) throw new ExitError(0);
}

/** Stdin can be opened once; what one question leaves over belongs to the next. */
let lines: AsyncIterator<string, undefined> | undefined;

async function nextLine(): Promise<string> {
  lines ??= readLines();
  return (await lines.next()).value ?? '';
}

async function* readLines(): AsyncGenerator<string, undefined> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of Bun.stdin.stream()) {
    text += decoder.decode(chunk, { stream: true });
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n')) {
      yield text.slice(0, end);
      text = text.slice(end + 1);
    }
  }
  if (text !== '') yield text;
  return undefined;
}
