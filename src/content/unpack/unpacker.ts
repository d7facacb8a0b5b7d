// One layer's way through a helper process, which may begin before the blob is complete.
import type { UnpackPool } from './pool.ts';
import type { UnpackJob } from './protocol.ts';
import type { Unpacked, UnpackProcess } from './unpack-process.ts';

export class LayerUnpacker {
  readonly result: Promise<Unpacked>;
  readonly #process: UnpackProcess;
  #state: 'working' | 'over' = 'working';

  /** The job's directory must exist and be empty. `onRead` hears how many of the blob's bytes are unpacked. */
  constructor(
    private readonly pool: UnpackPool,
    job: UnpackJob,
    onRead: (bytes: number) => void = () => {},
  ) {
    this.#process = pool.take();
    this.result = this.#run(job, onRead);
    // Whoever aborts does not ask for the result.
    this.result.catch(() => {});
  }

  /** So many bytes of the blob are on disk. */
  available(bytes: number): void {
    this.#tell(bytes, false);
  }

  complete(bytes: number): void {
    this.#tell(bytes, true);
  }

  /** Stops it; resolves when nothing touches the directory any more. */
  async abort(): Promise<void> {
    if (this.#state === 'working') await this.#process.kill();
  }

  #tell(available: number, complete: boolean): void {
    // Afterwards the process is somebody else's.
    if (this.#state === 'working') this.#process.tell({ available, complete });
  }

  async #run(job: UnpackJob, onRead: (bytes: number) => void): Promise<Unpacked> {
    try {
      const unpacked = await this.#process.unpack(job, onRead);
      this.#state = 'over';
      this.pool.giveBack(this.#process);
      return unpacked;
    } catch (error) {
      await this.#process.kill();
      this.#state = 'over';
      throw error;
    }
  }
}
