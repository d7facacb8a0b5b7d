// An engine that answers what a test says, and remembers what it was asked.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runDocker } from '../docker.ts';
import { MemoryOutput } from '../framework/output.ts';

/** By `METHOD /path` without the version: a status other than 200, a text, or what becomes JSON. */
export type Answers = Record<string, unknown>;

export interface Asked {
  method: string;
  path: string;
  query: Record<string, string>;
  body: string;
  headers: Headers;
}

export class Status {
  constructor(
    readonly code: number,
    readonly message: string,
  ) {}
}

export class FakeEngine implements Disposable {
  readonly asked: Asked[] = [];
  readonly directory = mkdtempSync(join(tmpdir(), 'fake-engine-'));
  readonly #server;

  constructor(
    private readonly answers: Answers,
    private readonly version = '1.50',
  ) {
    this.#server = Bun.serve({ unix: `${this.directory}/socket`, fetch: request => this.#answer(request) });
  }

  async #answer(request: Request): Promise<Response> {
    const url = new URL(request.url);
    const headers = { 'Api-Version': this.version, 'Content-Type': 'application/json' };
    const path = url.pathname.replace(/^\/v[\d.]+/, '');
    if (path === '/_ping') return new Response('OK', { headers });
    const { method } = request;
    const query = Object.fromEntries(url.searchParams);
    this.asked.push({ method, path, query, body: await request.text(), headers: request.headers });
    const answer = this.answers[`${method} ${path}`] ?? new Status(404, `no such thing: ${path}`);
    if (answer instanceof Status) {
      return new Response(JSON.stringify({ message: answer.message }), { status: answer.code, headers });
    }
    return new Response(typeof answer === 'string' ? answer : JSON.stringify(answer), { headers });
  }

  /** Runs a command of the client against it. */
  async docker(...args: string[]): Promise<{ code: number; out: string; err: string }> {
    const out = new MemoryOutput();
    const err = new MemoryOutput();
    const globals = ['--host', `unix://${this.directory}/socket`, '--config', `${this.directory}/config`];
    const code = await runDocker([...globals, ...args], { out, err });
    return { code, out: out.text, err: err.text };
  }

  [Symbol.dispose](): void {
    void this.#server.stop(true);
    rmSync(this.directory, { recursive: true });
  }
}
