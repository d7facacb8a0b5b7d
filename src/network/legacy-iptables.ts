// The older iptables keeps its rules apart from nf_tables, where netlink does not see them: on hosts that use it still, its own
// program is asked. Slow, but only there, and only when a network comes or goes.
import { existsSync, readFileSync } from 'node:fs';
import { messageOf } from '../lib/errors.ts';
import { log } from '../lib/logger.ts';

const FAMILIES = [
  { tables: '/proc/net/ip_tables_names', programs: ['iptables-legacy', 'iptables'] },
  { tables: '/proc/net/ip6_tables_names', programs: ['ip6tables-legacy', 'ip6tables'] },
] as const;
const CHAIN = 'FORWARD';
/** By its policy, or by a rule. */
const DROPS = /^-P FORWARD DROP$|-j (DROP|REJECT)\b/m;
const SECONDS_FOR_LOCK = '5';
const SEARCHED = '/usr/sbin:/sbin:/usr/bin:/bin';

/** What passes the bridge is accepted first thing, if the chain drops anything at all. */
export function acceptInLegacy(bridge: string, owner: string): void {
  for (const iptables of activeFamilies()) {
    const rules = iptables(['-S', CHAIN]);
    if (!DROPS.test(rules)) continue;
    const present = ownRules(rules, owner);
    for (const direction of ['-o', '-i']) {
      if (present.some(rule => rule.includes(direction) && rule.includes(bridge))) continue;
      const comment = ['-m', 'comment', '--comment', `${owner} ${bridge}`];
      iptables(['-I', CHAIN, direction, bridge, ...comment, '-j', 'ACCEPT']);
    }
  }
}

/** Of one bridge, or of all. */
export function dropFromLegacy(owner: string, bridge?: string): void {
  for (const iptables of activeFamilies()) {
    for (const rule of ownRules(iptables(['-S', CHAIN]), owner)) {
      if (bridge === undefined || rule.includes(bridge)) iptables(['-D', CHAIN, ...rule]);
    }
  }
}

/** As arguments, without the command and the chain in front. */
function ownRules(rules: string, owner: string): string[][] {
  return rules.split('\n').flatMap(line => {
    const [, comment] = /--comment "([^"]*)"/.exec(line) ?? [];
    if (!comment?.startsWith(`${owner} `)) return [];
    const [before = '', after = ''] = line.split(`"${comment}"`);
    const words = (text: string) => text.trim().split(/\s+/);
    return [[...words(before).slice(2), comment, ...words(after)]];
  });
}

type Iptables = (args: readonly string[]) => string;

function activeFamilies(): Iptables[] {
  return FAMILIES.flatMap(({ tables, programs }) => {
    if (!existsSync(tables) || !readFileSync(tables, 'utf8').split('\n').includes('filter')) return [];
    const program = programs.find(isLegacy);
    if (!program) log.warn('the older iptables has rules here, but its program is not installed', { tables });
    return program ? [runner(program)] : [];
  });
}

/** Under the plain name there may be the newer one. */
function isLegacy(program: string): boolean {
  const path = Bun.which(program, { PATH: SEARCHED });
  if (!path) return false;
  const { stdout } = Bun.spawnSync([path, '--version'], { stdin: 'ignore', stderr: 'ignore' });
  return !stdout.toString().includes('nf_tables');
}

const runner =
  (program: string): Iptables =>
  args => {
    try {
      const { stdout, stderr, exitCode } = Bun.spawnSync([program, '-w', SECONDS_FOR_LOCK, ...args], {
        stdin: 'ignore',
        env: { PATH: SEARCHED },
      });
      if (exitCode !== 0) throw new Error(stderr.toString().trim());
      return stdout.toString();
    } catch (error) {
      // The host's other rules are what they were: containers may be cut off, the engine works.
      log.warn('could not change the rules of the older iptables', { program, error: messageOf(error) });
      return '';
    }
  };
