import { expect, test } from 'bun:test';
import { scopeProperties } from './scope.ts';

test('limits are told to systemd in its words', () => {
  const limits = {
    'memory.max': '67108864',
    'memory.swap.max': '0',
    'memory.low': '33554432',
    'pids.max': 'max',
    'cpu.weight': '20',
    'cpu.max': '12500 50000',
    'cpuset.cpus': '0-1',
    'cpuset.mems': '',
  };
  expect(scopeProperties(limits)).toEqual([
    'MemoryMax=67108864',
    'MemorySwapMax=0',
    'MemoryLow=33554432',
    'TasksMax=infinity',
    'CPUWeight=20',
    'CPUQuota=25.00%',
    'CPUQuotaPeriodSec=50000us',
    'AllowedCPUs=0-1',
  ]);
  expect(scopeProperties({ 'cpu.max': 'max 100000' })).toEqual(['CPUQuota=']);
});
