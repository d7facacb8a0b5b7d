// Work that must not be forgotten because the machine was out of something just then: descriptors, memory, room on the disk.

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 10_000;

/** Tries again, with growing pauses, for as long as it takes. The work may have been half done when it failed. */
export async function untilItWorks(work: () => void | Promise<void>, failed: (error: unknown) => void): Promise<void> {
  for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
    try {
      return await work();
    } catch (error) {
      failed(error);
    }
    await new Promise<void>(resolve => setTimeout(resolve, pause).unref());
  }
}
