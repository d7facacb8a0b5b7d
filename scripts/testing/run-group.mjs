// One `bun test` process, with a time limit, and what came of it. A process that crashes or hangs is a failure to
// report, never the end of the run.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { bun, root } from '../setup/project.mjs';
import { makeScratch, removeScratch } from './scratch.mjs';

/** Resolves to {passed, failed, skipped, output, crashed}. */
export async function runGroup({ files, limit }, environment) {
  const scratch = makeScratch(environment.TMPDIR);
  try {
    const report = join(scratch, 'report.xml');
    const args = ['test', '--timeout=60000', '--reporter=junit', `--reporter-outfile=${report}`];
    const own = { ...environment, TMPDIR: scratch };
    const ended = await runToEnd(bun, [...args, ...files.map(file => `./${file}`)], limit, own);
    const counts = countsOf(report);
    const expected = counts !== undefined && ended.code === (counts.failed > 0 ? 1 : 0);
    if (expected) return { ...counts, output: ended.output, crashed: false };
    // A report that disagrees with the exit code: something failed outside of any test.
    const { passed = 0, failed = 0, skipped = 0 } = counts ?? {};
    return { passed, failed: failed + 1, skipped, output: `${ended.output}\n${ended.how}\n`, crashed: !counts };
  } finally {
    removeScratch(scratch);
  }
}

/** Runs any program; resolves to {code, how, output}. Its whole process group is killed at the limit. */
export function runToEnd(command, args, limit, environment = process.env) {
  return new Promise(resolve => {
    const child = spawn(command, args, {
      cwd: root,
      env: environment,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    let output = '';
    const collect = piece => {
      output += piece;
    };
    child.stdout.setEncoding('utf8').on('data', collect);
    child.stderr.setEncoding('utf8').on('data', collect);
    let late = false;
    const killGroup = () => {
      try {
        process.kill(-child.pid, 'SIGKILL');
      } catch (error) {
        if (error.code !== 'ESRCH') throw error;
      }
    };
    const timer = setTimeout(() => {
      late = true;
      killGroup();
    }, limit);
    const interrupted = () => killGroup();
    process.once('exit', interrupted);
    const finish = (code, how) => {
      clearTimeout(timer);
      process.off('exit', interrupted);
      // A daemon left behind would hold the pipes open: what it goes on to say is of no interest.
      child.stdout.destroy();
      child.stderr.destroy();
      resolve({ code, how, output });
    };
    child.once('error', error => finish(-1, error.message));
    child.once('exit', (code, signal) => {
      const how = late
        ? `killed: not done in ${limit / 1000} seconds`
        : signal
          ? `ended by ${signal}`
          : `exit code ${code}`;
      // What is still in the pipes arrives within this turn or the next; a left-behind writer must not keep us.
      setTimeout(() => finish(code ?? -1, how), 20);
    });
  });
}

function countsOf(report) {
  let text;
  try {
    text = readFileSync(report, 'utf8');
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
  const head = /<testsuites\b[^>]*>/.exec(text)?.[0];
  if (!head) return undefined;
  const count = name => Number(new RegExp(`\\b${name}="(\\d+)"`).exec(head)?.[1] ?? 0);
  const failed = count('failures') + count('errors');
  const skipped = count('skipped');
  return { passed: count('tests') - failed - skipped, failed, skipped };
}
