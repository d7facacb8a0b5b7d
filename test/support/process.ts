// Running a program to its end.

export interface Ran {
  code: number;
  stdout: string;
  stderr: string;
}

export interface RunOptions {
  input?: string | Uint8Array;
  environment?: Record<string, string | undefined>;
  cwd?: string;
  /** Milliseconds after which it is killed, and the test fails. */
  within?: number;
}

export async function run(command: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const { input, environment = process.env, cwd, within = 60_000 } = options;
  const stdin = input === undefined ? 'ignore' : Buffer.from(input);
  const child = Bun.spawn([...command], {
    stdin,
    stdout: 'pipe',
    stderr: 'pipe',
    env: environment,
    ...(cwd && { cwd }),
  });
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    child.kill('SIGKILL');
  }, within);
  try {
    const [stdout, stderr, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
    if (late) throw new Error(`not done within ${within} ms: ${command.join(' ')}\n${stdout}${stderr}`);
    return { code, stdout, stderr };
  } finally {
    clearTimeout(timer);
  }
}

/** What it wrote to stdout, without the last line end; anything but success throws. */
export async function output(command: readonly string[], options: RunOptions = {}): Promise<string> {
  const { code, stdout, stderr } = await run(command, options);
  if (code !== 0) throw new Error(`${command.join(' ')}: exit code ${code}\n${stdout}${stderr}`);
  return stdout.replace(/\n$/, '');
}
