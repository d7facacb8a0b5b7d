import { isStatus } from '../../client/errors.ts';
import { login } from '../../client/system.ts';
import type { AuthConfig } from '../../wire/types.ts';
import type { Cli } from '../framework/cli.ts';
import { atMost, defineCommand } from '../framework/command.ts';
import { serverHost, storeCredentials } from '../framework/credential-store.ts';
import { credentialsFor, DOCKER_HUB_KEY } from '../framework/credentials.ts';
import { ExitError } from '../framework/errors.ts';
import { isGiven } from '../framework/flags.ts';
import { ask, askHidden } from '../prompt.ts';
import { isTerminal } from '../stdio/terminal.ts';

export const command = defineCommand({
  usage: '[OPTIONS] [SERVER]',
  summary: 'Store the credentials of a registry',
  details: 'Checks credentials with a registry and stores them. Without a server, it is Docker Hub.',
  arguments: atMost(1),
  flags: {
    password: { type: 'string', short: 'p', summary: 'Password, or a token that stands for it' },
    'password-stdin': { type: 'bool', summary: 'Read the password from stdin' },
    username: { type: 'string', short: 'u', summary: 'Name of the user' },
  },
  async run(cli, flags, [server]) {
    if (isGiven(flags, 'password-stdin')) {
      if (isGiven(flags, 'password')) {
        throw fail('conflicting options: cannot specify both --password and --password-stdin');
      }
      if (!isGiven(flags, 'username')) throw fail('the --password-stdin option requires --username to be set');
    }
    if (isGiven(flags, 'username') && flags.username === '') throw fail('username is empty');
    if (isGiven(flags, 'password') && flags.password === '') throw fail('password is empty');
    if (flags.password !== '') {
      cli.err.line('WARNING! Using --password via the CLI is insecure. Use --password-stdin.');
    }
    const given = { username: flags.username.trim(), password: flags.password.trim() };
    if (flags['password-stdin']) given.password = (await Bun.stdin.text()).replace(/\r?\n$/, '').trim();
    const isHub = server === undefined || server === '' || server === 'docker.io';
    const key = isHub ? DOCKER_HUB_KEY : serverHost(server);
    const status = (await loginWithStored(cli, key, given)) ?? (await loginWithGiven(cli, key, given));
    if (status !== '') cli.out.line(status);
  },
});

const fail = (message: string) => new ExitError(1, message);

interface Given {
  username: string;
  password: string;
}

async function check(cli: Cli, key: string, credentials: AuthConfig): Promise<string> {
  const answer = await login(await cli.client(), { ...credentials, serveraddress: key });
  const token = answer.IdentityToken;
  try {
    await storeCredentials(cli, key, token ? { ...credentials, password: '', identitytoken: token } : credentials);
  } catch (error) {
    throw error instanceof Error ? fail(`Error saving credentials: ${error.message}`) : error;
  }
  await cli.err.flush();
  return answer.Status;
}

/** Undefined when there is nothing stored, or what there is doesn't do. */
async function loginWithStored(cli: Cli, key: string, given: Given): Promise<string | undefined> {
  if (given.username !== '' || given.password !== '') return undefined;
  const { username, password } = await credentialsFor(await cli.config(), key);
  if (!username || !password) return undefined;
  cli.err.line(`Authenticating with existing credentials... [Username: ${username}]`);
  cli.err.line("\n Info -> To login with a different account, run 'docker logout' followed by 'docker login'\n\n");
  await cli.err.flush();
  try {
    return await check(cli, key, { username, password });
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    cli.err.line(
      isStatus(error, 401) ? 'Stored credentials invalid or expired' : `Login did not succeed, error: ${error.message}`,
    );
    return undefined;
  }
}

async function loginWithGiven(cli: Cli, key: string, given: Given): Promise<string> {
  let { username, password } = given;
  if ((username === '' || password === '') && !isTerminal(0)) {
    throw fail('Error: Cannot perform an interactive login from a non TTY device');
  }
  if (username === '') username = await askUser(cli, key);
  if (password === '') password = await askHidden(cli, 'Password: ');
  if (password === '') throw fail('Error: Password Required');
  return check(cli, key, { username, password });
}

async function askUser(cli: Cli, key: string): Promise<string> {
  const { username: known = '' } = await credentialsFor(await cli.config(), key);
  const username = (await ask(cli, known === '' ? 'Username: ' : `Username (${known}): `)) || known;
  if (username === '') throw fail('Error: Non-null Username Required');
  return username;
}
