// What every command gets: the streams, the settings, and the client when it asks for one.
import type { EngineClient } from '../../client/client.ts';
import type { Endpoint } from '../../client/endpoint.ts';
import { type ConfigFile, loadConfigFile } from './config-file.ts';
import { resolveEndpoint } from './endpoint.ts';
import type { Globals } from './globals.ts';
import { openEngineClient } from './open-client.ts';
import { DescriptorOutput, type Output } from './output.ts';

export class Cli {
  /** The command as it was called: `docker container ls`. */
  path = 'docker';
  readonly out: Output;
  readonly err: Output;
  #config: ConfigFile | undefined;
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

  config(): ConfigFile {
    if (!this.#config) {
      const { config, warning } = loadConfigFile(this.configDirectory);
      if (warning !== undefined) this.err.line(warning);
      this.#config = config;
    }
    return this.#config;
  }

  /** Where the engine is, by flags, environment and contexts. */
  endpoint(): Promise<Endpoint> {
    this.#endpoint ??= resolveEndpoint(this.globals, this.config());
    return this.#endpoint;
  }

  /** The client of the engine. Starts an engine if there is none and that is wanted. */
  client(): Promise<EngineClient> {
    this.#client ??= openEngineClient(this);
    return this.#client;
  }

  /** Prints what has been gathered. */
  async flush(): Promise<void> {
    await this.out.flush();
    await this.err.flush();
  }
}
