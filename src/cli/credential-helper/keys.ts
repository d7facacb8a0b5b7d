// Which key opens the file. A passphrase in the environment comes first; else a key that the kernel keeps for the user
// until the machine goes down; else the user is asked.
import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { readUserKey, writeUserKey } from '../../kernel/keyring.ts';
import { KernelError } from '../../kernel/libc.ts';
import { disableEcho } from '../../kernel/termios.ts';
import { failed } from '../../lib/errors.ts';
import { KEY_BYTES, type KeyKind, keyOfPassphrase, newKey, newSalt } from './vault.ts';

const PASSPHRASE_VARIABLE = 'DOCKYARD_CREDENTIALS_PASSPHRASE';

export interface VaultKey {
  key: Buffer;
  how: { key: KeyKind; salt?: string };
}

/** For a file that is there. Undefined if its key was in the kernel and is no more. */
export function existingKey(path: string, how: { key: KeyKind; salt?: string }): VaultKey | undefined {
  if (how.key === 'passphrase') {
    const passphrase = process.env[PASSPHRASE_VARIABLE] || askPassphrase();
    return { key: keyOfPassphrase(passphrase, how.salt ?? ''), how: { key: 'passphrase', salt: how.salt ?? '' } };
  }
  const key = kernelKey(path);
  return key && { key, how: { key: 'keyring' } };
}

/** For a file that begins. */
export function freshKey(path: string): VaultKey {
  const passphrase = process.env[PASSPHRASE_VARIABLE];
  if (!passphrase) {
    const key = newKey();
    try {
      writeUserKey(keyName(path), key);
      return { key, how: { key: 'keyring' } };
    } catch (error) {
      // No keyrings here, as in many containers.
      if (!(error instanceof KernelError)) throw error;
    }
  }
  const salt = newSalt();
  return { key: keyOfPassphrase(passphrase || askPassphrase(), salt), how: { key: 'passphrase', salt } };
}

function kernelKey(path: string): Buffer | undefined {
  try {
    const key = readUserKey(keyName(path));
    return key?.length === KEY_BYTES ? key : undefined;
  } catch (error) {
    throw failed('the credentials were stored with a key of the kernel keyring, which cannot be read here', error);
  }
}

function keyName(path: string): string {
  return `dockyard:credentials:${path}`;
}

/** On the terminal itself: stdin and stdout belong to the client. */
function askPassphrase(): string {
  let terminal: number;
  try {
    terminal = openSync('/dev/tty', 'r+');
  } catch (error) {
    throw failed(`no kernel keyring, no ${PASSPHRASE_VARIABLE}, and no terminal to ask for a passphrase`, error);
  }
  try {
    writeSync(terminal, 'Passphrase of the stored registry credentials: ');
    const restore = disableEcho(terminal);
    try {
      const line = Buffer.alloc(4096);
      const text = line.toString('utf8', 0, readSync(terminal, line)).replace(/\r?\n$/, '');
      if (text === '') throw failed('no passphrase was given');
      return text;
    } finally {
      restore();
      writeSync(terminal, '\n');
    }
  } finally {
    closeSync(terminal);
  }
}
