// What happened, for those who listen now and for those who ask later.
import type { EventMessage } from '../../wire/types.ts';

export interface EventFilterQuery {
  /** API filters as they came: name → allowed values. */
  filters: Readonly<Record<string, readonly string[]>>;
  /** Replay from here (nanoseconds since the epoch); without it and `until` only what is new. */
  since?: bigint;
  /** Ends the stream here; a time in the past makes it a pure replay. */
  until?: bigint;
  signal: AbortSignal;
}

export interface Events {
  publish(
    type: NonNullable<EventMessage['Type']>,
    action: string,
    actor: { ID: string; Attributes?: Record<string, string> },
  ): void;
  /** Listens from this call on, not from the first read. Ends with its signal, at `until`, or when it is read too slowly. */
  subscribe(query: EventFilterQuery): AsyncIterable<EventMessage>;
  /** How many listeners there are (`docker info` shows it). */
  readonly listeners: number;
}
