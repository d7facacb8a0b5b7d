// How a log's files are laid out. A record is a line of the file; it holds a line of output, or a piece of one.
import type { StdStream } from '../output.ts';
import type { RecordSink } from './record-sink.ts';
import type { RecordTime } from './record-time.ts';

export interface LogFormat {
  /** Gives the sink the block's whole records from `from` on, up to where it is `done`; returns where the first unfinished one begins. */
  extract(block: Buffer, from: number, sink: RecordSink): number;
  /** Tells of each whole record, in order, where it ends and whether a line of output ends with it. Returns as `extract` does. */
  visit(block: Buffer, from: number, record: (end: number, stream: StdStream, ends: boolean) => void): number;
  /** The time of the record block[from, end). */
  timeOf(block: Buffer, from: number, end: number, into: RecordTime): boolean;
}
