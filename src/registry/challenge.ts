// WWW-Authenticate: what a registry wants to see before it answers.

export interface Challenge {
  /** In lower case: 'bearer', 'basic'. */
  scheme: string;
  parameters: Readonly<Record<string, string>>;
}

const scheme = /\s*([A-Za-z][\w-]*)(?:\s+|$)/y;
const parameter = /\s*([\w-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))\s*(?:,|$)/y;

/** Several challenges may stand in one header; what can't be read is left out. */
export function parseChallenges(header: string): Challenge[] {
  const challenges: Challenge[] = [];
  let at = 0;
  while (at < header.length) {
    scheme.lastIndex = at;
    const name = scheme.exec(header);
    if (!name) break;
    at = scheme.lastIndex;
    const parameters: Record<string, string> = {};
    for (;;) {
      parameter.lastIndex = at;
      const match = parameter.exec(header);
      if (!match) break;
      parameters[match[1]!.toLowerCase()] = match[3] ?? match[2]!.replace(/\\(.)/g, '$1');
      at = parameter.lastIndex;
    }
    challenges.push({ scheme: name[1]!.toLowerCase(), parameters });
    while (header[at] === ',' || header[at] === ' ') at++;
  }
  return challenges;
}
