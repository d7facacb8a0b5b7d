import { describe, expect, test } from 'bun:test';
import type { EventMessage } from '../../wire/types.ts';
import { eventFilter } from './event-filter.ts';
import { EventLog } from './event-log.ts';

async function actions(events: AsyncIterable<EventMessage>): Promise<string[]> {
  const seen: string[] = [];
  for await (const event of events) seen.push(event.Action ?? '');
  return seen;
}

const nanos = (date: number) => BigInt(Math.round(date)) * 1_000_000n;

function logOf(...names: string[]): EventLog {
  const log = new EventLog();
  for (const name of names) log.publish('container', name, { ID: 'c1' });
  return log;
}

describe('a listener', () => {
  test('hears only what is new unless it asks for the past', async () => {
    const log = logOf('old');
    const controller = new AbortController();
    const heard = actions(log.subscribe({ filters: {}, signal: controller.signal }));
    log.publish('container', 'new', { ID: 'c1' });
    controller.abort();
    expect(await heard).toEqual(['new']);
  });

  test('misses nothing between its subscription and its first read', async () => {
    const log = logOf('old');
    const controller = new AbortController();
    const events = log.subscribe({ filters: {}, since: 1n, signal: controller.signal });
    log.publish('container', 'new', { ID: 'c1' });
    controller.abort();
    expect(await actions(events)).toEqual(['old', 'new']);
  });

  test('gets a replay that ends at once when until has passed', async () => {
    const log = logOf('a', 'b');
    const { signal } = new AbortController();
    expect(await actions(log.subscribe({ filters: {}, until: nanos(Date.now() + 5), signal }))).toEqual(['a', 'b']);
    expect(log.listeners).toBe(0);
  });

  test('is ended when until comes', async () => {
    const log = new EventLog();
    const { signal } = new AbortController();
    const heard = actions(log.subscribe({ filters: {}, until: nanos(Date.now() + 50), signal }));
    expect(log.listeners).toBe(1);
    log.publish('container', 'within', { ID: 'c1' });
    expect(await heard).toEqual(['within']);
    expect(log.listeners).toBe(0);
  });

  test('sees since as inclusive, to the microsecond', async () => {
    const log = logOf('a', 'b', 'c');
    const { signal } = new AbortController();
    const all: EventMessage[] = [];
    for await (const event of log.subscribe({ filters: {}, until: nanos(Date.now() + 2), signal })) all.push(event);
    const since = BigInt(JSON.stringify(all[1]!.timeNano));
    const until = nanos(Date.now() + 2);
    expect(await actions(log.subscribe({ filters: {}, since, until, signal }))).toEqual(['b', 'c']);
  });

  test('that does not read is cut off with an error, after what had waited', async () => {
    const log = new EventLog();
    const { signal } = new AbortController();
    const events = log.subscribe({ filters: {}, signal });
    for (let i = 0; i < 5000; i++) log.publish('container', `e${i}`, { ID: 'c1' });
    expect(log.listeners).toBe(0);
    let count = 0;
    const reading = (async () => {
      for await (const _event of events) count++;
    })();
    await expect(reading).rejects.toThrow('does not read them');
    expect(count).toBe(4097);
  });

  test('that stops reading is forgotten', async () => {
    const log = logOf();
    const { signal } = new AbortController();
    const events = log.subscribe({ filters: {}, signal });
    log.publish('container', 'a', { ID: 'c1' });
    for await (const _event of events) break;
    expect(log.listeners).toBe(0);
  });
});

test('the last 256 events are kept', async () => {
  const log = new EventLog();
  for (let i = 0; i < 300; i++) log.publish('container', `e${i}`, { ID: 'c1' });
  const { signal } = new AbortController();
  const kept = await actions(log.subscribe({ filters: {}, until: nanos(Date.now() + 2), signal }));
  expect(kept.length).toBe(256);
  expect(kept[0]).toBe('e44');
});

test('times grow with every event and survive JSON', async () => {
  const log = logOf('a', 'b', 'c');
  const { signal } = new AbortController();
  const times: number[] = [];
  for await (const event of log.subscribe({ filters: {}, until: nanos(Date.now() + 2), signal })) {
    expect(JSON.stringify(event.timeNano)).toMatch(/^\d{16}000$/);
    expect(Math.floor(event.timeNano! / 1e9)).toBe(event.time!);
    times.push(event.timeNano!);
  }
  expect(times).toEqual([...new Set(times)].sort((a, b) => a - b));
});

describe('filters', () => {
  const start: EventMessage = {
    Type: 'container',
    Action: 'start',
    Actor: { ID: 'abcdef0123', Attributes: { name: 'web', image: 'docker.io/library/nginx:1.25', tier: 'front' } },
    scope: 'local',
  };
  const exec: EventMessage = { ...start, Action: 'exec_start: sh -c true' };
  const pull: EventMessage = {
    Type: 'image',
    Action: 'pull',
    Actor: { ID: 'busybox:latest', Attributes: { name: 'busybox' } },
    scope: 'local',
  };

  const cases: [string, Record<string, string[]>, EventMessage, boolean][] = [
    ['nothing asked for', {}, start, true],
    ['type', { type: ['container'] }, start, true],
    ['another type', { type: ['image'] }, start, false],
    ['one of several types', { type: ['image', 'container'] }, start, true],
    ['event', { event: ['start'] }, start, true],
    ['event is exact', { event: ['star'] }, start, false],
    ['a long action by its first word', { event: ['exec_start'] }, exec, true],
    ['a long action as a whole', { event: ['exec_start: sh -c true'] }, exec, true],
    ['container by name', { container: ['web'] }, start, true],
    ['container by the start of its id', { container: ['abc'] }, start, true],
    ['another container', { container: ['db'] }, start, false],
    ['container and event', { container: ['web'], event: ['stop'] }, start, false],
    ['image of a container without its tag', { image: ['nginx'] }, start, true],
    ['image of a container as it was written', { image: ['docker.io/library/nginx:1.25'] }, start, true],
    ['image by name', { image: ['busybox'] }, pull, true],
    ['image by name and tag', { image: ['busybox:latest'] }, pull, true],
    ['another image', { image: ['alpine'] }, pull, false],
    ['label by key', { label: ['tier'] }, start, true],
    ['label by key and value', { label: ['tier=front'] }, start, true],
    ['label with another value', { label: ['tier=back'] }, start, false],
    ['every label is needed', { label: ['tier=front', 'zone'] }, start, false],
    ['scope', { scope: ['local'] }, start, true],
    ['another scope', { scope: ['swarm'] }, start, false],
    ['a name without values', { container: [] }, start, true],
    ['a volume that is none', { volume: ['data'] }, start, false],
    ['a node that is none', { node: ['n1'] }, start, false],
  ];
  test.each(cases)('%s', (_name, filters, event, expected) => {
    expect(eventFilter(filters)(event)).toBe(expected);
  });
});
