import { expect, test } from 'bun:test';
import type { PortSummary } from '../../wire/types.ts';
import { portsText } from './ports.ts';

function port(text: string): PortSummary {
  const [, IP, published, own, Type = 'tcp'] = /^(?:(.*):(\d+)->)?(\d+)\/(\w+)$/.exec(text) ?? [];
  return {
    ...(IP !== undefined && { IP, PublicPort: Number(published) }),
    PrivatePort: Number(own),
    Type: Type as PortSummary['Type'],
  };
}

const shown = (...texts: string[]) => portsText(texts.map(port));

test('nothing for no ports', () => {
  expect(shown()).toBe('');
});

test('exposed and published ports', () => {
  expect(shown('9988/tcp')).toBe('9988/tcp');
  expect(shown('0.0.0.0:8080->80/tcp')).toBe('0.0.0.0:8080->80/tcp');
  expect(shown(':::8080->80/tcp', '0.0.0.0:8080->80/tcp')).toBe('0.0.0.0:8080->80/tcp, [::]:8080->80/tcp');
});

test('neighbours of one kind are drawn together', () => {
  expect(shown('0.0.0.0:81->81/tcp', '0.0.0.0:80->80/tcp', '0.0.0.0:82->82/tcp')).toBe('0.0.0.0:80-82->80-82/tcp');
  expect(shown('80/tcp', '81/tcp', '82/udp')).toBe('80-81/tcp, 82/udp');
  expect(shown('80/tcp', '82/tcp', '83/tcp')).toBe('80/tcp, 82-83/tcp');
  expect(shown('80/tcp', '80/udp', '81/tcp', '81/udp')).toBe('80-81/tcp, 80-81/udp');
});

test('ports that change their number stand alone, at the end', () => {
  expect(shown('0.0.0.0:9000->80/tcp', '0.0.0.0:9001->81/tcp', '443/tcp')).toBe(
    '443/tcp, 0.0.0.0:9000->80/tcp, 0.0.0.0:9001->81/tcp',
  );
});
