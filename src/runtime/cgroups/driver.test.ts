import { describe, expect, test } from 'bun:test';
import { checkParent, chooseDriver, containerPlace, sliceDirectory, unitOf } from './driver.ts';

test('systemd is used where it was asked for and runs', () => {
  expect(chooseDriver(undefined, true)).toBe('cgroupfs');
  expect(chooseDriver('cgroupfs', true)).toBe('cgroupfs');
  expect(chooseDriver('systemd', true)).toBe('systemd');
  expect(() => chooseDriver('systemd', false)).toThrow('does not run on this machine');
});

describe('the runtime alone', () => {
  test.each([
    [undefined, '/docker/abc'],
    ['engine', '/engine/abc'],
    ['/jobs/one/', '/jobs/one/abc'],
    ['../../../x/../y', '/y/abc'],
  ])('puts a container with the parent %p into %p', (parent, path) => {
    expect(containerPlace('cgroupfs', 'abc', parent)).toEqual({ cgroupsPath: path, path });
  });
});

describe('systemd', () => {
  test.each([
    [undefined, 'system.slice:docker:abc', '/system.slice/docker-abc.scope'],
    ['jobs.slice', 'jobs.slice:docker:abc', '/jobs.slice/docker-abc.scope'],
    ['a-b-c.slice', 'a-b-c.slice:docker:abc', '/a.slice/a-b.slice/a-b-c.slice/docker-abc.scope'],
    ['-.slice', '-.slice:docker:abc', '/docker-abc.scope'],
  ])('puts a container with the parent %p into the scope of %p', (parent, cgroupsPath, path) => {
    expect(containerPlace('systemd', 'abc', parent)).toEqual({ cgroupsPath, path });
    expect(unitOf(path)).toBe('docker-abc.scope');
  });

  test.each(['jobs', '/jobs', '.slice', 'a/b.slice', 'a--b.slice', '-a.slice', 'a-.slice'])(
    'takes no parent %p',
    parent => {
      expect(() => sliceDirectory(parent)).toThrow('should be a valid slice named as "xxx.slice"');
      expect(() => checkParent('systemd', parent)).toThrow('should be a valid slice');
      expect(() => checkParent('cgroupfs', parent)).not.toThrow();
    },
  );

  test('a cgroup of the runtime is no unit', () => {
    expect(unitOf('/docker/abc')).toBeUndefined();
    expect(unitOf('/x.scope/abc')).toBeUndefined();
  });
});
