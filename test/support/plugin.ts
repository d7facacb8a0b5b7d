// Plugins for tests: servers of Docker's plugin protocol in this process.
import { mkdirSync, rmSync } from 'node:fs';
import type { TestEngine } from './engine.ts';

export type Call = { method: string; request: Record<string, unknown> };
export type Answers = Record<string, (request: Record<string, unknown>) => unknown>;

/** One that listens where its engine looks, and remembers what it was asked. */
export class TestPlugin implements AsyncDisposable {
  readonly calls: Call[] = [];
  /** Methods that are refused, with the reason; those that are never answered have none. */
  readonly refusals = new Map<string, string | undefined>();
  #server: Bun.Server<undefined> | undefined;
  readonly #path: string;

  constructor(
    engine: TestEngine,
    readonly name: string,
    private readonly implemented: readonly string[],
    private readonly answers: Answers,
  ) {
    const directory = `${engine.execRoot}/plugins`;
    mkdirSync(directory, { recursive: true });
    this.#path = `${directory}/${name}.sock`;
    this.start();
  }

  start(): void {
    rmSync(this.#path, { force: true });
    this.#server = Bun.serve({ unix: this.#path, fetch: request => this.#answer(request) });
  }

  /** As when its process dies; the socket's file stays. */
  async stop(): Promise<void> {
    await this.#server?.stop(true);
    this.#server = undefined;
  }

  /** The methods that were called, in order, without those that only ask what it is. */
  get methods(): string[] {
    return this.calls
      .map(({ method }) => method.slice(method.indexOf('.') + 1))
      .filter(method => method !== 'Activate' && method !== 'GetCapabilities');
  }

  requests(method: string): Record<string, unknown>[] {
    return this.calls.filter(call => call.method.endsWith(`.${method}`)).map(({ request }) => request);
  }

  async #answer(http: Request): Promise<Response> {
    const method = new URL(http.url).pathname.slice(1);
    const text = await http.text();
    const request = (text === '' ? {} : JSON.parse(text)) as Record<string, unknown>;
    this.calls.push({ method, request });
    const short = method.slice(method.indexOf('.') + 1);
    if (this.refusals.has(short)) {
      const reason = this.refusals.get(short);
      if (reason === undefined) await new Promise(() => {});
      return Response.json({ Err: reason, Error: reason }, { status: 500 });
    }
    if (method === 'Plugin.Activate') return Response.json({ Implements: this.implemented });
    const answer = this.answers[short];
    return answer ? Response.json(answer(request)) : new Response('no such method', { status: 404 });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    rmSync(this.#path, { force: true });
  }
}
