// --security-opt, as the engine gets it: the client has put the text of a seccomp profile in place of its file name.
import { invalid } from '../../lib/errors.ts';

export interface SecurityOptions {
  /** JSON text, 'unconfined' or 'builtin'; undefined is the engine's default. */
  seccomp?: string;
  apparmor?: string;
  /** SELinux label options. */
  labels: string[];
  noNewPrivileges?: boolean;
  writableCgroups?: boolean;
}

export function parseSecurityOptions(options: readonly string[]): SecurityOptions {
  const parsed: SecurityOptions = { labels: [] };
  for (const option of options) {
    if (option === 'no-new-privileges') parsed.noNewPrivileges = true;
    else if (option === 'writable-cgroups') parsed.writableCgroups = true;
    else if (option === 'disable') parsed.labels.push('disable');
    else parseOne(option, parsed);
  }
  return parsed;
}

function parseOne(option: string, parsed: SecurityOptions): void {
  const separator = option.includes('=') ? '=' : ':';
  const at = option.indexOf(separator);
  if (at < 0) throw invalid(`invalid --security-opt 1: ${JSON.stringify(option)}`);
  const value = option.slice(at + 1);
  switch (option.slice(0, at)) {
    case 'label':
      parsed.labels.push(value);
      return;
    case 'apparmor':
      parsed.apparmor = value;
      return;
    case 'seccomp':
      // Nothing named is the engine's own.
      if (value !== '') parsed.seccomp = value;
      return;
    case 'no-new-privileges':
      parsed.noNewPrivileges = parseBool(value, option);
      return;
    case 'writable-cgroups':
      parsed.writableCgroups = parseBool(value, option);
      return;
    default:
      throw invalid(`invalid --security-opt 2: ${JSON.stringify(option)}`);
  }
}

function parseBool(value: string, option: string): boolean {
  if (/^(1|t|T|TRUE|true|True)$/.test(value)) return true;
  if (/^(0|f|F|FALSE|false|False)$/.test(value)) return false;
  throw invalid(`invalid --security-opt 2: ${JSON.stringify(option)}`);
}
