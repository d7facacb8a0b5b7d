// The engine of `npm start` and `npm stop`: where it listens, whether it runs, how it is started and stopped.
import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { dist } from './project.mjs';
import { Failure } from './script.mjs';

const defaultSocket = '/var/run/docker.sock';
/** Where we listen when another engine owns the default socket; everything else of ours moves along. */
const besideSocket = '/run/dockyard-beside/docker.sock';
const besideFlags = [
  '--data-root=/var/lib/dockyard-beside',
  '--exec-root=/run/dockyard-beside',
  '--pidfile=/run/dockyard-beside/dockerd.pid',
];
const logFile = '/var/log/dockyard.log';

/** One place where the engine may listen, and who does now: 'ours', 'other' or 'nobody'. */
async function look(socket, flags = []) {
  const version = await answer(socket, '/version');
  const who = version === undefined ? 'nobody' : /dockyard/i.test(version.Platform?.Name ?? '') ? 'ours' : 'other';
  return { socket, flags, who };
}

async function places() {
  const host = process.env.DOCKER_HOST ?? '';
  if (host.startsWith('unix://')) return [await look(host.slice('unix://'.length))];
  return [await look(defaultSocket), await look(besideSocket, besideFlags)];
}

/** Our engine where it runs; else the first place that is free. */
export async function choosePlace() {
  const all = await places();
  const place = all.find(({ who }) => who === 'ours') ?? all.find(({ who }) => who === 'nobody');
  if (!place)
    throw new Failure(`Another engine listens on ${all[0].socket}. Unset DOCKER_HOST, or name a free socket.`);
  const other = all.find(({ who }) => who === 'other');
  return { ...place, other: other?.socket, isDefault: place.socket === defaultSocket };
}

export async function runningEngines() {
  return (await places()).filter(({ who }) => who === 'ours');
}

/** A GET of a JSON document; undefined when nobody answers. */
export function answer(socketPath, path) {
  return new Promise(resolve => {
    const call = request({ socketPath, path, timeout: 5000, agent: false }, async response => {
      let text = '';
      for await (const piece of response.setEncoding('utf8')) text += piece;
      try {
        resolve(response.statusCode === 200 ? JSON.parse(text) : {});
      } catch {
        // Whoever this is, it is not an engine of ours.
        resolve({});
      }
    });
    call.on('error', () => resolve(undefined));
    call.on('timeout', () => call.destroy());
    call.end();
  });
}

/** Starts the engine so that it outlives us; returns when it answers. */
export async function startEngine({ socket, flags, isDefault }) {
  mkdirSync(socket.slice(0, socket.lastIndexOf('/')), { recursive: true });
  const log = openSync(logFile, 'a', 0o640);
  const args = [...(isDefault ? [] : ['-H', `unix://${socket}`]), ...flags];
  const child = spawn(`${dist}/dockerd`, args, { detached: true, stdio: ['ignore', log, log], cwd: '/' });
  closeSync(log);
  let ended;
  child.once('error', error => {
    ended = error.message;
  });
  child.once('exit', (code, signal) => {
    ended = signal ?? `exit code ${code}`;
  });
  for (let waited = 0; waited < 30_000; waited += 25) {
    if ((await answer(socket, '/version')) !== undefined) {
      child.unref();
      return;
    }
    if (ended !== undefined) break;
    await sleep(25);
  }
  const tail = readFileSync(logFile, 'utf8').trimEnd().split('\n').slice(-15).join('\n');
  if (ended === undefined) child.kill();
  throw new Failure(
    `The engine did not start (${ended ?? 'no answer in 30 seconds'}). The end of ${logFile}:\n${tail}`,
  );
}

/** Asks the engine to end and waits until it has. */
export async function stopEngine({ socket }) {
  const pid = ownerOf(socket);
  if (pid === undefined) throw new Failure(`An engine answers on ${socket}, but its process is not to be found.`);
  process.kill(pid, 'SIGTERM');
  for (let waited = 0; waited < 60_000; waited += 25) {
    if (!isAlive(pid)) return;
    await sleep(25);
  }
  throw new Failure(`The engine (process ${pid}) has not ended after 60 seconds.`);
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    if (error.code === 'ESRCH') return false;
    throw error;
  }
}

/** The process that listens on a socket: the kernel's table of unix sockets names its inode, /proc who holds that. */
function ownerOf(socket) {
  const names = new Set([socket, socket.replace(/^\/var\/run\//, '/run/')]);
  const listening = readFileSync('/proc/net/unix', 'utf8')
    .split('\n')
    .map(line => line.trim().split(/\s+/))
    .filter(fields => names.has(fields[7]) && (Number.parseInt(fields[3], 16) & 0x10000) !== 0);
  const links = new Set(listening.map(fields => `socket:[${fields[6]}]`));
  for (const pid of readdirSync('/proc').filter(name => /^\d+$/.test(name))) {
    if (openFiles(pid).some(link => links.has(link))) return Number(pid);
  }
  return undefined;
}

function openFiles(pid) {
  try {
    return readdirSync(`/proc/${pid}/fd`).map(fd => {
      try {
        return readlinkSync(`/proc/${pid}/fd/${fd}`);
      } catch {
        // Closed in the meantime.
        return '';
      }
    });
  } catch {
    // Ended in the meantime.
    return [];
  }
}
