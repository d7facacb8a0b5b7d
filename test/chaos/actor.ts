// Somebody who uses the engine while it is being killed, and knows afterwards what must be true.
import type { Answer } from '../support/api.ts';
import type { TestEngine } from '../support/engine.ts';
import { until } from '../support/until.ts';
import type { Random } from './random.ts';

export interface Stage {
  engine: TestEngine;
  random: Random;
  /** How often the daemon was killed so far. */
  kills: number;
  /** From just before a kill until the daemon is back: whatever fails then, fails because of that. */
  dark: boolean;
}

export interface Actor {
  readonly name: string;
  /** Uses the engine; may fail in any way once that is killed, but must not hang. */
  act(): Promise<void>;
  /** Called when the daemon is back: throws if something is lost. True when there is nothing more to see. */
  check(): Promise<boolean>;
}

export interface ContainerRequest {
  Image?: string;
  Cmd: string[];
  HostConfig?: Record<string, unknown>;
  Volumes?: Record<string, object>;
}

/**
 * A container and what is known of it. The daemon may die between doing something and saying so; what it has said
 * counts, and of what it has not said either outcome is right, but no third one.
 */
export class Subject {
  created = false;
  started = false;
  pid: number | undefined;

  constructor(
    readonly stage: Stage,
    readonly name: string,
    readonly request: ContainerRequest,
  ) {}

  get path(): string {
    return `/containers/${this.name}`;
  }

  async create(): Promise<void> {
    const HostConfig = { NetworkMode: 'none', ...this.request.HostConfig };
    const body = { Image: 'busybox', ...this.request, HostConfig };
    (await this.stage.engine.api.post(`/containers/create?name=${this.name}`, body)).ok;
    this.created = true;
  }

  async start(): Promise<void> {
    (await this.stage.engine.api.post(`${this.path}/start`)).ok;
    this.started = true;
  }

  /** Undefined when there is no such container. */
  async inspect() {
    const answer = await this.stage.engine.api.get(`${this.path}/json`);
    if (answer.status === 404) return undefined;
    return answer.ok.json<{
      Id: string;
      RestartCount: number;
      State: { Status: string; Running: boolean; Pid: number; ExitCode: number; Error: string; StartedAt: string };
    }>();
  }

  /** After a kill: goes on from wherever that came, until the container has been started. */
  async recover(): Promise<void> {
    const found = await this.inspect();
    if (!found && this.created) throw new Error(`${this.name} was created, and is gone`);
    if (!found) await this.create();
    this.created = true;
    const status = found?.State.Status ?? 'created';
    if (this.started && status === 'created') throw new Error(`${this.name} was started, and never ran`);
    if (!this.started && status === 'created') await this.start();
    this.started = true;
  }

  wait(): Promise<number> {
    return this.stage.engine.api
      .post(`${this.path}/wait`)
      .then(answer => answer.ok.json<{ StatusCode: number }>().StatusCode);
  }

  logs(query = 'stdout=1&stderr=1'): Promise<Answer> {
    return this.stage.engine.api.get(`${this.path}/logs?${query}`);
  }

  /** By force; afterwards there is none. */
  async remove(): Promise<void> {
    const { engine } = this.stage;
    await until(async () => {
      const { status } = await engine.api.delete(`${this.path}?force=1&v=1`);
      return status === 404;
    });
  }
}
