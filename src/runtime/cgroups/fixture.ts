// For tests: directories that look like cgroups.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

export class CgroupFixture implements Disposable {
  readonly root = mkdtempSync(join(tmpdir(), 'cgroups-'));

  constructor(files: Readonly<Record<string, string>>) {
    for (const [path, text] of Object.entries(files)) {
      const file = join(this.root, path);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, text);
    }
  }

  /** A line of mountinfo for each tree. */
  mounts(trees: Readonly<Record<string, string>>): string {
    return Object.entries(trees)
      .map(([path, type], index) => {
        const options = type === 'cgroup2' ? 'rw' : `rw,${path.slice(1)}`;
        return `${30 + index} 24 0:${26 + index} / ${this.root}${path} rw,relatime shared:${index} - ${type} cgroup ${options}`;
      })
      .join('\n');
  }

  [Symbol.dispose](): void {
    rmSync(this.root, { recursive: true });
  }
}
