// `npm stop`: ends the engine that `npm start` started. Containers do not need it to run on.
import { answer, runningEngines, stopEngine } from './setup/engine.mjs';
import { requireNode, say, script } from './setup/script.mjs';

await script(async () => {
  requireNode();
  const engines = await runningEngines();
  if (engines.length === 0) say('No engine of ours is running.');
  for (const engine of engines) {
    const { ContainersRunning: running = 0 } = (await answer(engine.socket, '/info')) ?? {};
    await stopEngine(engine);
    say(`The engine on ${engine.socket} has ended.`);
    if (running > 0)
      say(`${running === 1 ? '1 container runs' : `${running} containers run`} on; \`npm start\` finds them again.`);
  }
});
