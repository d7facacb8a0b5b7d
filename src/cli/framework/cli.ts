// What every command gets: the streams, the settings, and the client when it asks for one.
import type { EngineClient } from '../../client/client.ts';
import type { Endpoint } from '../../client/endpoint.ts';
import { type ConfigFile, loadConfigFile } from './config-file.ts';
import type { Globals } from './globals.ts';
import { DescriptorOutput, type Output } from './output.ts';

export class Cli {
  /** The command as it was called: `docker container ls`. */
  path = 'docker';
  readonly out: Output;
  readonly err: Output;
  #config: Promise<ConfigFile> | undefined;
  #endpoint: Promise<Endpoint> | undefined;
  #client: Promise<EngineClient> | undefined;

  constructor(
    readonly globals: Globals,
    streams: { out?: Output; err?: Output } = {},
  ) {
    this.out = streams.out ?? new DescriptorOutput(1);
    this.err = streams.err ?? new DescriptorOutput(2);
  }

  get configDirectory(): string {
    return this.globals.config;
  }

  config(): Promise<ConfigFile> {
    this.#config ??= this.#loadConfig();
    return this.#config;
  }

  async #loadConfig(): Promise<ConfigFile> {
    const { config, warning } = await loadConfigFile(this.configDirectory);
    if (warning !== undefined) this.err.line(warning);
    return config;
  }

  /** Where the engine is, by flags, environment and contexts. */
  endpoint(): Promise<Endpoint> {
    this.#endpoint ??= this.#resolveEndpoint();
    return this.#endpoint;
  }

  async #resolveEndpoint(): Promise<Endpoint> {
    const { resolveEndpoint } = await import('./endpoint.ts');
    return resolveEndpoint(this.globals, await this.config());
  }

  /** The client of the engine. Starts an engine if there is none and that is wanted. */
  client(): Promise<EngineClient> {
    this.#client ??= this.#openClient();
    return this.#client;
  }

  async #openClient(): Promise<EngineClient> {
    const { openEngineClient } = await import('./open-client.ts');
    return openEngineClient(this);
  }

  /** Prints what has been gathered. */
  async flush(): Promise<void> {
    await this.out.flush();
    await this.err.flush();
  }
}
