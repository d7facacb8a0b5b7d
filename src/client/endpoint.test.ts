import { describe, expect, test } from 'bun:test';
import { parseHost } from './endpoint.ts';
import { sshCommand } from './ssh.ts';

describe('hosts', () => {
  const hosts: [string, string][] = [
    ['unix:///run/x.sock', 'unix:///run/x.sock'],
    ['unix://', 'unix:///var/run/docker.sock'],
    ['tcp://', 'tcp://localhost:2375'],
    ['tcp://1.2.3.4', 'tcp://1.2.3.4:2375'],
    ['tcp://host:99/path/', 'tcp://host:99/path'],
    ['tcp://[::1]:5', 'tcp://[::1]:5'],
    ['host:5555', 'tcp://host:5555'],
    [' tcp://h:1 ', 'tcp://h:1'],
    ['ssh://me@host:22', 'ssh://me@host:22'],
  ];
  test.each(hosts)('%s is %s', (text, shown) => {
    expect(parseHost(text).host).toBe(shown);
  });

  test('the port is another one with TLS', () => {
    expect(parseHost('tcp://host', {}).host).toBe('tcp://host:2376');
  });

  test.each(['foo://x', 'tcp://h:p', 'tcp://h:99999', 'unix://tcp://x', 'tcp://unix://x'])('%s is refused', text => {
    expect(() => parseHost(text)).toThrow(/^invalid (bind address format|proto)/);
  });

  test.each(['ssh://me:secret@host', 'ssh://', 'ssh://host?x=y', 'ssh://host#x'])('%s is refused', text => {
    expect(() => parseHost(text)).toThrow('ssh host connection is not valid');
  });
});

test('ssh runs the dial-stdio of the other side', () => {
  const { address } = parseHost('ssh://me@host:2222/run/engine.sock');
  if (address.kind !== 'ssh') throw new Error('not ssh');
  expect(sshCommand(address)).toEqual([
    ...['ssh', '-l', 'me', '-p', '2222', '-o', 'ConnectTimeout=30', '-T', '--', 'host'],
    ...['docker', '--host', 'unix:///run/engine.sock', 'system', 'dial-stdio'],
  ]);
});
