import { expect, test } from 'bun:test';
import { describeHost, type Host, parseHost, parseHosts } from './hosts.ts';

const cases: [string, Host][] = [
  ['', { kind: 'unix', path: '/var/run/docker.sock' }],
  ['unix://', { kind: 'unix', path: '/var/run/docker.sock' }],
  ['unix:///run/a b.sock', { kind: 'unix', path: '/run/a b.sock' }],
  ['tcp://', { kind: 'tcp', hostname: '127.0.0.1', port: 2375 }],
  ['tcp://:1234', { kind: 'tcp', hostname: '127.0.0.1', port: 1234 }],
  ['tcp://0.0.0.0', { kind: 'tcp', hostname: '0.0.0.0', port: 2375 }],
  ['tcp://host:1/', { kind: 'tcp', hostname: 'host', port: 1 }],
  ['tcp://[::1]:1234', { kind: 'tcp', hostname: '::1', port: 1234 }],
  ['127.0.0.1:99', { kind: 'tcp', hostname: '127.0.0.1', port: 99 }],
  [':99', { kind: 'tcp', hostname: '127.0.0.1', port: 99 }],
  ['fd://', { kind: 'fd', which: '' }],
  ['fd://3', { kind: 'fd', which: '3' }],
];
test.each(cases)('%j', (text, host) => {
  expect(parseHost(text, false)).toEqual(host);
});

test('TLS has a port of its own', () => {
  expect(parseHost('tcp://', true)).toEqual({ kind: 'tcp', hostname: '127.0.0.1', port: 2376 });
});

test('without any host it is the usual socket', () => {
  expect(parseHosts([], false)).toEqual([{ kind: 'unix', path: '/var/run/docker.sock' }]);
});

test.each([
  'http://x',
  'unix://relative',
  'tcp://a:b',
  'tcp://a:70000',
  'tcp://[x]:1',
  'tcp://a:1/path',
  'npipe:////./x',
])('%s is refused', text => {
  expect(() => parseHost(text, false)).toThrow(`invalid host "${text}"`);
});

test('addresses are shown as they are written', () => {
  expect(describeHost({ kind: 'tcp', hostname: '::1', port: 5 })).toBe('[::1]:5');
  expect(describeHost({ kind: 'tcp', hostname: '127.0.0.1', port: 5 })).toBe('127.0.0.1:5');
});
