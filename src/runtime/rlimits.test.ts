import { expect, test } from 'bun:test';
import { checkRlimit, clampRlimit, parseRlimits } from './rlimits.ts';

test('limits are read as the kernel prints them', () => {
  const limits = parseRlimits(`Limit                     Soft Limit           Hard Limit           Units
Max cpu time              unlimited            unlimited            seconds
Max core file size        0                    unlimited            bytes
Max open files            1024                 20000                files
Max nice priority         0                    0
`);
  expect(limits).toEqual({
    cpu: { soft: -1, hard: -1 },
    core: { soft: 0, hard: -1 },
    nofile: { soft: 1024, hard: 20000 },
    nice: { soft: 0, hard: 0 },
  });
});

test('a limit is cut to what may be granted', () => {
  const own = { soft: 1024, hard: 20000 };
  expect(clampRlimit({ soft: 10, hard: 20 }, own)).toEqual({ soft: 10, hard: 20 });
  expect(clampRlimit({ soft: 1024, hard: -1 }, own)).toEqual({ soft: 1024, hard: 20000 });
  expect(clampRlimit({ soft: -1, hard: -1 }, own)).toEqual({ soft: 20000, hard: 20000 });
  expect(clampRlimit({ soft: -1, hard: -1 }, { soft: 0, hard: -1 })).toEqual({ soft: -1, hard: -1 });
});

test('impossible limits are refused', () => {
  expect(() => checkRlimit('frob', { soft: 1, hard: 1 })).toThrow('invalid ulimit type: frob');
  expect(() => checkRlimit('nofile', { soft: 2, hard: 1 })).toThrow('less than or equal to hard limit: 2 > 1');
  expect(() => checkRlimit('core', { soft: -1, hard: 1 })).toThrow('less than or equal');
  checkRlimit('core', { soft: -1, hard: -1 });
});
