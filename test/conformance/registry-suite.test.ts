// Our registry against the distribution specification's own suite: the release it names as stable, and its draft.
import { expect, test } from 'bun:test';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { run } from '../support/process.ts';
import { startRegistry } from '../support/registry.ts';
import { registrySuite } from '../support/registry-suite.ts';

/** Below that it has not looked at much. */
const FEWEST_CHECKS = { '1.1': 800, dev: 900 };

const suite = await registrySuite();

for (const [version, fewest] of Object.entries(FEWEST_CHECKS)) {
  if ('missing' in suite) {
    console.log(`the suite of the distribution specification is not run: ${suite.missing}`);
    test.skip(`the registry follows the specification, version ${version} (${suite.missing})`, () => undefined);
    continue;
  }
  test(`the registry follows the specification, version ${version}`, async () => {
    await using registry = await startRegistry();
    const results = mkdtempSync(`${tmpdir()}/registry-suite-`);
    try {
      const { code, stdout, stderr } = await run([suite.path], {
        cwd: results,
        environment: {
          ...process.env,
          OCI_REGISTRY: registry.host,
          OCI_TLS: 'disabled',
          OCI_VERSION: version,
          OCI_RESULTS_DIR: results,
        },
      });
      expect(stdout.split('\n').filter(line => /: (?:Fail|Error)$/.test(line))).toEqual([]);
      expect([code, stderr]).toEqual([0, '']);
      const summary = /<testsuite [^>]*>/.exec(readFileSync(`${results}/junit.xml`, 'utf8'))![0];
      const count = (name: string) => Number(new RegExp(`\\b${name}="(\\d+)"`).exec(summary)?.[1] ?? 0);
      console.log(`${count('tests')} checks, ${count('skipped')} skipped, ${count('disabled')} not of this version`);
      expect(count('tests')).toBeGreaterThan(fewest);
      expect([count('failures'), count('errors')]).toEqual([0, 0]);
    } finally {
      rmSync(results, { recursive: true });
    }
  });
}
