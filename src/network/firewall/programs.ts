// Programs of the host that its firewalls are changed with, where the kernel alone does not do.
const USUAL_PLACES = '/usr/sbin:/sbin:/usr/bin:/bin';

/** Services are often started without the places where programs of administrators are. */
const searched = () => [process.env['PATH'], USUAL_PLACES].filter(Boolean).join(':');

/** That of whoever runs one, but for what its answers are read by. */
export const programEnvironment = () => ({ ...process.env, PATH: searched(), LC_ALL: 'C' });

export function findProgram(name: string): string | undefined {
  return Bun.which(name, { PATH: searched() }) ?? undefined;
}

export interface Finished {
  code: number;
  stdout: string;
  stderr: string;
}

/** The child has a copy of `descriptor`, as number 3. */
export async function runProgram(command: readonly string[], input = '', descriptor?: number): Promise<Finished> {
  const child = Bun.spawn([...command], {
    stdio: [Buffer.from(input), 'pipe', 'pipe', ...(descriptor === undefined ? [] : [descriptor])],
    env: programEnvironment(),
  });
  const [code, stdout, stderr] = await Promise.all([child.exited, child.stdout.text(), child.stderr.text()]);
  return { code, stdout, stderr };
}
