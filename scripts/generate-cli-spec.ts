// Turns a description of Docker's command line into the facts that test/conformance/cli-spec.test.ts compares ours with.
// Usage: bun scripts/generate-cli-spec.ts <cli.json>   (writes test/conformance/cli-spec.json)
// Run it when the command line we follow moves on.
import { readFileSync, writeFileSync } from 'node:fs';

interface Flag {
  flags: string[];
  type?: string;
  default?: string;
}

interface Command {
  flags?: Flag[];
  aliases?: string[];
  subcommands?: string[];
}

const file = process.argv[2];
if (!file) throw new Error('usage: bun scripts/generate-cli-spec.ts <cli.json>');
const commands = JSON.parse(readFileSync(file, 'utf8')) as Record<string, Command>;

const lines = Object.entries(commands).map(([path, { flags = [], aliases, subcommands }]) => {
  const facts = {
    ...(flags.length > 0 && {
      flags: flags.map(flag =>
        [...flag.flags, flag.type ?? '?', ...(flag.default ? [`=${flag.default}`] : [])].join(' '),
      ),
    }),
    ...(aliases && { aliases }),
    ...(subcommands && { subcommands }),
  };
  return `  ${JSON.stringify(path)}: ${JSON.stringify(facts)}`;
});
const target = new URL('../test/conformance/cli-spec.json', import.meta.url);
writeFileSync(target, `{\n${lines.join(',\n')}\n}\n`);
