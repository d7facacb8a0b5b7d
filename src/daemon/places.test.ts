import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { activatedSockets } from './activation.ts';
import { removePidfile, writePidfile } from './pidfile.ts';
import { isForeign, takePlaces } from './places.ts';
import { clearSocketPath } from './unix-socket.ts';

let base: string;
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'dockyard-places-'));
});
afterEach(() => rmSync(base, { recursive: true }));

describe('roots', () => {
  test('are made, and nobody else gets them while we live', () => {
    const places = takePlaces(join(base, 'a/data'), join(base, 'a/exec'));
    expect(statSync(places.dataRoot).mode & 0o777).toBe(0o710);
    expect(() => takePlaces(join(base, 'a/data'), join(base, 'b/exec'))).toThrow('--data-root of its own');
    expect(() => takePlaces(join(base, 'b/data'), join(base, 'a/exec'))).toThrow('--exec-root of its own');
  });

  test('with the data of another engine are left alone', () => {
    mkdirSync(join(base, 'data/image/overlay2'), { recursive: true });
    expect(isForeign(join(base, 'data'))).toBe(true);
    expect(() => takePlaces(join(base, 'data'), join(base, 'exec'))).toThrow(
      'holds the data of another container engine',
    );
    expect(existsSync(join(base, 'data/dockyard.lock'))).toBe(false);
  });

  test('with our own data are ours, whatever else is there', () => {
    mkdirSync(join(base, 'data/image/x'), { recursive: true });
    writeFileSync(join(base, 'data/state.db'), '');
    expect(isForeign(join(base, 'data'))).toBe(false);
  });
});

describe('the pidfile', () => {
  test('names us, and goes with us', () => {
    const path = join(base, 'run/pid');
    writePidfile(path);
    expect(readFileSync(path, 'utf8')).toBe(String(process.pid));
    removePidfile(path);
    expect(existsSync(path)).toBe(false);
  });

  test('of a process that is gone, or is no daemon, means nothing', () => {
    const path = join(base, 'pid');
    for (const pid of ['4194305', String(process.ppid), 'garbage', '']) {
      writeFileSync(path, pid);
      writePidfile(path);
      expect(readFileSync(path, 'utf8')).toBe(String(process.pid));
    }
  });

  test('of a daemon that lives is respected', async () => {
    const path = join(base, 'pid');
    const other = Bun.spawn(['sh', '-c', 'echo up; sleep 60; true', 'dockerd'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    try {
      await other.stdout.getReader().read();
      writeFileSync(path, String(other.pid));
      expect(() => writePidfile(path)).toThrow(`process with PID ${other.pid} is still running`);
      removePidfile(path);
      expect(existsSync(path)).toBe(true);
    } finally {
      other.kill('SIGKILL');
      await other.exited;
    }
  });
});

describe('the path of a socket', () => {
  test('is cleared of a dead one', async () => {
    const path = join(base, 'run/s.sock');
    await clearSocketPath(path);
    const script = `Bun.listen({ unix: ${JSON.stringify(path)}, socket: { data() {} } }); process.kill(process.pid, 'SIGKILL')`;
    Bun.spawnSync([process.execPath, '-e', script]);
    expect(existsSync(path)).toBe(true);
    await clearSocketPath(path);
    expect(existsSync(path)).toBe(false);
  });

  test('is left to one that lives, and to what is no socket', async () => {
    const path = join(base, 's.sock');
    const listener = Bun.listen({ unix: path, socket: { data() {} } });
    await expect(clearSocketPath(path)).rejects.toThrow('another process listens there');
    listener.stop(true);
    writeFileSync(join(base, 'file'), '');
    await expect(clearSocketPath(join(base, 'file'))).rejects.toThrow('is no socket');
  });
});

describe('activated sockets', () => {
  const environment = { LISTEN_PID: '7', LISTEN_FDS: '2', LISTEN_FDNAMES: 'docker:other' };
  test('are all, or the one that is named', () => {
    expect(activatedSockets('', environment, 7)).toEqual([3, 4]);
    expect(activatedSockets('*', environment, 7)).toEqual([3, 4]);
    expect(activatedSockets('4', environment, 7)).toEqual([4]);
    expect(activatedSockets('docker', environment, 7)).toEqual([3]);
  });
  test('must be there, and for us', () => {
    expect(() => activatedSockets('', {}, 7)).toThrow('no sockets found via socket activation');
    expect(() => activatedSockets('', environment, 8)).toThrow('no sockets found');
    expect(() => activatedSockets('9', environment, 7)).toThrow('no socket 9 found');
  });
});
