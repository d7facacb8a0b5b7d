/** A container's two outputs, with Docker's numbers for them; a tty has only the first. */
export type StdStream = 1 | 2;

/**
 * A run of bytes of one output. Batches of them travel from conmon, or from a log, to the client. The bytes of a batch are valid
 * until the next one is asked for.
 */
export interface OutputChunk {
  stream: StdStream;
  data: Uint8Array;
}

export type Output = AsyncIterable<OutputChunk[]>;
