// The engine's events: the recent ones are kept for those who ask later, each new one goes to whoever listens.
import { failed } from '../../lib/errors.ts';
import { Queue } from '../../lib/queue.ts';
import type { EventMessage } from '../../wire/types.ts';
import { eventFilter } from './event-filter.ts';
import type { EventFilterQuery, Events } from './events.ts';

/** As many as Docker keeps. */
const KEPT = 256;
/** A listener that lets more than this wait is cut off: it can ask again with `since`, while memory can't grow for ever. */
const MAX_WAITING = 4096;
const LONGEST_TIMER_MS = 0x7fff_ffff;

export class EventLog implements Events {
  readonly #recent: EventMessage[] = [];
  readonly #listeners = new Set<Listener>();
  #lastMicros = 0;

  get listeners(): number {
    return this.#listeners.size;
  }

  publish(
    type: NonNullable<EventMessage['Type']>,
    action: string,
    actor: { ID: string; Attributes?: Record<string, string> },
  ): void {
    const micros = this.#nextMicros();
    const event: EventMessage = {
      Type: type,
      Action: action,
      Actor: { ID: actor.ID, Attributes: actor.Attributes ?? {} },
      scope: 'local',
      time: Math.floor(micros / 1e6),
      timeNano: micros * 1000,
    };
    this.#recent.push(event);
    if (this.#recent.length > KEPT) this.#recent.shift();
    for (const listener of this.#listeners) listener.offer(event);
  }

  subscribe({ filters, since, until, signal }: EventFilterQuery): AsyncIterable<EventMessage> {
    const listener = new Listener(eventFilter(filters));
    if (since !== undefined || until !== undefined) {
      for (const event of this.#recent) if (isBetween(event, since, until)) listener.offer(event);
    }
    const remaining = until === undefined ? undefined : millisecondsUntil(until);
    if (signal.aborted || (remaining !== undefined && remaining <= 0)) {
      listener.end();
      return listener.events;
    }
    this.#listeners.add(listener);
    const cancelTimer = until === undefined ? undefined : atTime(until, () => listener.end());
    const onAbort = () => listener.end();
    signal.addEventListener('abort', onAbort, { once: true });
    listener.onEnd = () => {
      this.#listeners.delete(listener);
      cancelTimer?.();
      signal.removeEventListener('abort', onAbort);
    };
    return listener.events;
  }

  /** The engine stops: every listener gets what it was promised, and then its end. */
  close(): void {
    for (const listener of this.#listeners) listener.end();
  }

  /** Later than every event before. Microseconds: nanoseconds would not survive a JSON number here. */
  #nextMicros(): number {
    const now = Math.floor((performance.timeOrigin + performance.now()) * 1000);
    this.#lastMicros = Math.max(now, this.#lastMicros + 1);
    return this.#lastMicros;
  }
}

class Listener {
  onEnd: (() => void) | undefined;
  readonly #queue = new Queue<EventMessage>();

  constructor(private readonly wants: (event: EventMessage) => boolean) {}

  offer(event: EventMessage): void {
    if (!this.wants(event)) return;
    this.#queue.push(event);
    if (this.#queue.size > MAX_WAITING) {
      this.end(failed(`${MAX_WAITING} events waited for a listener that does not read them`));
    }
  }

  end(error?: Error): void {
    this.#queue.end(error);
    this.onEnd?.();
    this.onEnd = undefined;
  }

  get events(): AsyncIterable<EventMessage> {
    return this.#read();
  }

  async *#read(): AsyncGenerator<EventMessage> {
    try {
      yield* this.#queue;
    } finally {
      this.end();
    }
  }
}

function isBetween({ timeNano }: EventMessage, since: bigint | undefined, until: bigint | undefined): boolean {
  const time = BigInt(Math.round((timeNano ?? 0) / 1000)) * 1000n;
  return (since === undefined || time >= since) && (until === undefined || time <= until);
}

function millisecondsUntil(time: bigint): number {
  return Number(time / 1_000_000n) - Date.now();
}

/** Timers know only 24 days; a longer wait is several of them. */
function atTime(time: bigint, callback: () => void): () => void {
  let timer: ReturnType<typeof setTimeout>;
  const wait = () => {
    const remaining = millisecondsUntil(time);
    if (remaining <= 0) callback();
    else timer = setTimeout(wait, Math.min(remaining, LONGEST_TIMER_MS));
  };
  wait();
  return () => clearTimeout(timer);
}
