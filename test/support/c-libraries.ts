// Images whose programs ask for names through one C library or the other: musl, as Alpine's, and glibc, as most others'.
// Two libraries, two ways to search, to give up and to read an answer.
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { output } from './process.ts';

const project = new URL('../../', import.meta.url).pathname;
const muslRoot = process.env['DOCKYARD_TEST_MUSL'] ?? `${project}.cache/musl`;

/** An archive for `docker import` in the directory: /ask, statically linked with musl (see musl/ask.c). */
export async function muslImage(directory: string): Promise<string> {
  const image = join(directory, 'musl');
  mkdirSync(image);
  await compileWithMusl('ask', `${image}/ask`);
  return archive(image);
}

/** A program of musl/ that runs in any container. */
export async function compileWithMusl(name: string, target: string): Promise<void> {
  if (!existsSync(muslRoot)) throw new Error('musl is not here: `npm test` fetches it');
  const folder = (parent: string, end: string) => {
    const entry = readdirSync(`${muslRoot}/${parent}`).find(candidate => candidate.endsWith(end));
    if (!entry) throw new Error(`${muslRoot}/${parent} has nothing for ${end}`);
    return `${muslRoot}/${parent}/${entry}`;
  };
  const musl = folder('usr/lib', '-linux-musl');
  const compiler = `${folder('usr/lib', '-linux-gnu')}/tcc`;
  const includes = [folder('usr/include', '-linux-musl'), `${compiler}/include`].map(path => `-I${path}`);
  const flags = [`-B${compiler}`, '-static', '-nostdlib', '-nostdinc', ...includes, '-o', target];
  const before = [`${musl}/crt1.o`, `${musl}/crti.o`];
  const after = [`${musl}/libc.a`, `${compiler}/libtcc1.a`, `${musl}/crtn.o`];
  await output([`${muslRoot}/usr/bin/tcc`, ...flags, ...before, `${import.meta.dir}/musl/${name}.c`, ...after]);
}

/** The same with getent, the host's libraries for it, and a shell. */
export async function glibcImage(directory: string): Promise<string> {
  const image = join(directory, 'glibc');
  mkdirSync(`${image}/etc`, { recursive: true });
  mkdirSync(`${image}/bin`);
  const libraries = (await output(['ldd', '/usr/bin/getent'])).match(/\/\S+/g) ?? [];
  const folder = libraries.find(path => path.includes('libc.so'))!.replace(/\/[^/]*$/, '');
  const modules = ['libnss_dns.so.2', 'libnss_files.so.2', 'libresolv.so.2'].map(name => `${folder}/${name}`);
  const files = ['/usr/bin/getent', ...libraries, ...modules.filter(path => existsSync(path))];
  await output(['cp', '-L', '--parents', ...files, image]);
  await output(['sh', '-c', `cp -L "$(command -v busybox)" ${image}/bin/sh`]);
  await Bun.write(`${image}/etc/nsswitch.conf`, 'hosts: files dns\n');
  return archive(image);
}

async function archive(image: string): Promise<string> {
  await output(['tar', 'c', '-C', image, '-f', `${image}.tar`, '.']);
  return `${image}.tar`;
}
