// The VolumeDriver interface of a plugin, as a thing with methods.
import { failed } from '../../../lib/errors.ts';
import { objectIn, objectsIn, textIn } from '../../../plugins/answers.ts';
import { type Answer, PluginRefusal } from '../../../plugins/client.ts';
import type { Plugin } from '../../../plugins/plugins.ts';

/** What may mean work on another machine. */
const LONG_LIMIT_MS = 120_000;
const LIMIT_MS = 60_000;
/** Many plugins are asked for a list, and somebody waits for it. */
const LIST_LIMIT_MS = 10_000;
const PATIENCE_MS = 5_000;

/** '' where there is none. */
export interface PluginVolume {
  name: string;
  mountpoint: string;
  created: string;
  status: Record<string, unknown> | undefined;
}

export class VolumePlugin {
  constructor(private readonly plugin: Plugin) {}

  get name(): string {
    return this.plugin.name;
  }

  async scope(): Promise<'local' | 'global'> {
    try {
      const answer = objectIn(await this.#call('Capabilities', {}, LIMIT_MS), 'Capabilities') ?? {};
      return textIn(answer, 'Scope').toLowerCase() === 'global' ? 'global' : 'local';
    } catch (error) {
      // Not every plugin has this method.
      if (error instanceof PluginRefusal) return 'local';
      throw error;
    }
  }

  async create(name: string, options: Readonly<Record<string, string>>): Promise<void> {
    await this.#call('Create', { Name: name, Opts: options }, LONG_LIMIT_MS);
  }

  /** Undefined when it has none of this name: a refusal may mean that, or anything else. */
  async get(name: string): Promise<PluginVolume | undefined> {
    try {
      const answer = objectIn(await this.#call('Get', { Name: name }, LIMIT_MS), 'Volume');
      return answer && textIn(answer, 'Name') !== '' ? volumeOf(answer) : undefined;
    } catch (error) {
      if (error instanceof PluginRefusal) return undefined;
      throw error;
    }
  }

  async list(): Promise<PluginVolume[]> {
    return objectsIn(await this.#call('List', {}, LIST_LIMIT_MS, 0), 'Volumes').map(volumeOf);
  }

  async remove(name: string): Promise<void> {
    await this.#call('Remove', { Name: name }, LIMIT_MS);
  }

  /** Where it is on the host. `id` says for whom, and is said again when it is not needed any more. */
  async mount(name: string, id: string): Promise<string> {
    const path = textIn(await this.#call('Mount', { Name: name, ID: id }, LONG_LIMIT_MS), 'Mountpoint');
    return this.#absolute(path === '' ? await this.path(name) : path, name);
  }

  async path(name: string): Promise<string> {
    return textIn(await this.#call('Path', { Name: name }, LIMIT_MS), 'Mountpoint');
  }

  async unmount(name: string, id: string): Promise<void> {
    await this.#call('Unmount', { Name: name, ID: id }, LIMIT_MS);
  }

  #absolute(path: string, name: string): string {
    if (path.startsWith('/')) return path;
    throw failed(`plugin ${this.name} does not say where volume ${name} is: "${path}" is no absolute path`);
  }

  #call(method: string, request: object, limitMs: number, patienceMs = PATIENCE_MS): Promise<Answer> {
    return this.plugin.call(method, request, { limitMs, patienceMs });
  }
}

function volumeOf(answer: Answer): PluginVolume {
  return {
    name: textIn(answer, 'Name'),
    mountpoint: textIn(answer, 'Mountpoint'),
    created: textIn(answer, 'CreatedAt'),
    status: objectIn(answer, 'Status'),
  };
}
