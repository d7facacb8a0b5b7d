import { afterAll, beforeAll, expect, test } from 'bun:test';
import { copyFileSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { sealedCrun } from './sealed-crun.ts';

let directory: string;

beforeAll(() => {
  directory = mkdtempSync(`${tmpdir()}/sealed-`);
});

afterAll(() => rmSync(directory, { recursive: true }));

test('the copy runs, and nobody can write to it', () => {
  const path = `${directory}/crun`;
  copyFileSync('/bin/true', path);
  const copy = sealedCrun(path);
  expect(copy).toStartWith('/proc/');
  expect(readFileSync(copy).equals(readFileSync('/bin/true'))).toBe(true);
  expect(Bun.spawnSync([copy]).exitCode).toBe(0);
  expect(() => writeFileSync(openSync(copy, 'r+'), 'x')).toThrow();
});

test('it is made once, and anew when the program was replaced', () => {
  const path = `${directory}/updated`;
  copyFileSync('/bin/true', path);
  const first = sealedCrun(path);
  expect(sealedCrun(path)).toBe(first);
  rmSync(path);
  copyFileSync('/bin/false', path);
  expect(readFileSync(sealedCrun(path)).equals(readFileSync('/bin/false'))).toBe(true);
});

test('a script is started from its own file', () => {
  const path = `${directory}/script`;
  writeFileSync(path, '#!/bin/sh\n', { mode: 0o755 });
  expect(sealedCrun(path)).toBe(path);
});
