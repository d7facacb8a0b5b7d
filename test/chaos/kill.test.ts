// The daemon is killed with -9 at random moments while it is used in every way at once; nothing may be lost.
//
//   CHAOS_CAST=writer,stopper CHAOS_ROUNDS=500 CHAOS_SEED=7 bun test ./test/chaos/kill.test.ts --timeout 100000000
import { expect, test } from 'bun:test';
import { startEngine, type TestEngine } from '../support/engine.ts';
import type { Actor, Stage } from './actor.ts';
import { cast } from './actors.ts';
import { expectNoOrphans, expectWholeDatabases } from './orphans.ts';
import { Random } from './random.ts';

const rounds = Number(process.env['CHAOS_ROUNDS'] ?? 10);
const seed = Number(process.env['CHAOS_SEED'] ?? Date.now() % 1_000_000);
const newcomers = 5;
const names = process.env['CHAOS_CAST']?.split(',') ?? Object.keys(cast);
const castings = names.map(name => cast[name]!);

test(
  `${rounds} kills lose nothing (CHAOS_SEED=${seed})`,
  async () => {
    await using engine = await startEngine();
    const stage: Stage = { engine, random: new Random(seed), kills: 0, dark: false };
    const moments = new Random(seed + 1);
    let actors: Actor[] = [];
    for (let round = 0; round < rounds; round++) {
      for (let i = 0; i < newcomers; i++) actors.push(enter(stage, `r${round}-${i}`));
      const complaints: string[] = [];
      const acts = actors.map(actor =>
        actor.act().catch(error => {
          if (!stage.dark) complaints.push(`round ${round}: ${actor.name}: ${told(error)}`);
        }),
      );
      await Bun.sleep(stage.random.between(1, 400));
      stage.dark = true;
      await engine.kill();
      stage.kills++;
      await within(20_000, Promise.all(acts), 'somebody hangs after the daemon was killed');
      while (moments.between(1, 3) === 1) {
        await killWhileStarting(engine, moments.between(0, 250));
        stage.kills++;
      }
      await engine.start();
      stage.dark = false;
      expect(complaints).toEqual([]);
      expectWholeDatabases(engine);
      actors = await stillActing(engine, actors, round);
      await expectNoOrphans(engine);
    }
  },
  rounds * 60_000,
);

/** What an earlier daemon left half done is taken up, and left half done again. */
async function killWhileStarting(engine: TestEngine, milliseconds: number): Promise<void> {
  const starting = engine.start().catch(() => undefined);
  await Bun.sleep(milliseconds);
  await engine.kill();
  await starting;
}

function enter(stage: Stage, prefix: string): Actor {
  const index = stage.random.between(0, castings.length - 1);
  return castings[index]!(stage, `${prefix}-${names[index]}`);
}

async function stillActing(engine: TestEngine, actors: readonly Actor[], round: number): Promise<Actor[]> {
  const results = await Promise.allSettled(actors.map(actor => actor.check()));
  const complaints = results.flatMap((result, index) =>
    result.status === 'rejected' ? [`round ${round}: ${actors[index]!.name}: ${told(result.reason)}`] : [],
  );
  // At once: an engine that does not end cleanly either would have the last word.
  if (complaints.length > 0) console.error([...complaints, engine.log.slice(-20_000)].join('\n'));
  expect(complaints).toEqual([]);
  return actors.filter(
    (_, index) => results[index]!.status === 'fulfilled' && !(results[index] as { value: boolean }).value,
  );
}

const told = (error: unknown) => (error instanceof Error ? (error.stack ?? error.message) : String(error));

async function within<T>(milliseconds: number, promise: Promise<T>, complaint: string): Promise<T> {
  let timer: Timer | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(complaint)), milliseconds);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
