import { describe, expect, test } from 'bun:test';
import { endpointsFor, isInsecure, proxyFor, type RegistryConfig } from './endpoints.ts';

const config = (change: Partial<RegistryConfig> = {}): RegistryConfig => ({
  insecureRegistries: [],
  registryMirrors: [],
  proxies: { http: '', https: '', no: '' },
  certificateDirectories: [],
  ...change,
});

test.each([
  ['localhost', true],
  ['localhost:5000', true],
  ['127.0.0.1:5000', true],
  ['127.9.9.9', true],
  ['[::1]:5000', true],
  ['10.1.2.3:5000', true],
  ['named.example:5000', true],
  ['named.example', false],
  ['any.example:9999', true],
  ['[fd00::1]:5000', true],
  ['192.168.0.1', false],
  ['docker.io', false],
])('%s is insecure: %p', async (host, expected) => {
  const insecureRegistries = ['10.0.0.0/8', 'named.example:5000', 'any.example', 'fd00::/8'];
  expect(await isInsecure(host, config({ insecureRegistries }))).toBe(expected);
});

test('the default registry has mirrors to pull from, others have none', async () => {
  const mirrors = config({ registryMirrors: ['http://mirror.example/', 'https://second.example:5000/path/'] });
  const bases = async (domain: string, use: 'pull' | 'push') =>
    (await endpointsFor(domain, mirrors, use)).map(({ bases: [base] }) => base);
  expect(await bases('docker.io', 'pull')).toEqual([
    'http://mirror.example',
    'https://second.example:5000/path',
    'https://registry-1.docker.io',
  ]);
  expect(await bases('docker.io', 'push')).toEqual(['https://registry-1.docker.io']);
  expect(await bases('other.example', 'pull')).toEqual(['https://other.example']);
});

describe('proxies', () => {
  const proxies = {
    http: 'http://plain:3128',
    https: 'secure:3129',
    no: 'direct.example,.below.example, 10.0.0.0/8,port.example:8443',
  };
  test.each([
    ['http://any.example/', 'http://plain:3128'],
    ['https://any.example/', 'http://secure:3129'],
    ['https://direct.example/', undefined],
    ['https://sub.direct.example/', undefined],
    ['https://below.example/', 'http://secure:3129'],
    ['https://sub.below.example/', undefined],
    ['https://10.1.1.1/', undefined],
    ['https://port.example:8443/', undefined],
    ['https://port.example/', 'http://secure:3129'],
    ['http://localhost:5000/', undefined],
    ['http://127.0.0.1:5000/', undefined],
  ])('%s by way of %p', (url, proxy) => {
    expect(proxyFor(new URL(url), { proxies })).toBe(proxy);
  });

  test('a star means none', () => {
    expect(proxyFor(new URL('https://x.example'), { proxies: { ...proxies, no: '*' } })).toBeUndefined();
  });
});
