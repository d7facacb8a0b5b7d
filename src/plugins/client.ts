// Calls to one plugin: JSON by HTTP, each with a limit of time, so that a plugin that hangs holds up nobody but who asked it.
import { DockyardError, errnoOf, failed, messageOf, unavailable } from '../lib/errors.ts';
import { isJsonObject, type JsonObject } from '../lib/json-object.ts';
import type { PluginAddress } from './places.ts';

const MEDIA_TYPE = 'application/vnd.docker.plugins.v1.2+json';
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 1000;
/** What a plugin says in one answer; more is a mistake. */
const MAX_ANSWER = 16 * 1024 * 1024;

export type Answer = Readonly<JsonObject>;

export interface CallOptions {
  /** For the answer. */
  limitMs: number;
  /** For a plugin that does not listen (yet): it may be starting at this moment. */
  patienceMs?: number;
}

/** The plugin answered, and its answer is that it would not. */
export class PluginRefusal extends DockyardError {
  constructor(
    message: string,
    readonly status: number,
  ) {
    super('failed', message);
  }
}

export class PluginClient {
  constructor(
    readonly name: string,
    private readonly address: PluginAddress,
  ) {}

  /** `method` is Interface.Method. Throws a PluginRefusal, or `unavailable` when there was no answer. */
  async call(method: string, request: object, options: CallOptions): Promise<Answer> {
    const response = await this.#send(method, request, options);
    const text = await this.#read(response, method, options);
    const answer = parse(text);
    // Volume and network drivers say Err, address drivers say Error.
    const complaint =
      answer && [answer['Err'], answer['Error']].find(value => typeof value === 'string' && value !== '');
    if (response.status !== 200 || complaint) {
      const reason = complaint ?? (text.trim().slice(0, 1000) || `HTTP status ${response.status}`);
      throw new PluginRefusal(`plugin ${this.name}: ${method}: ${reason}`, response.status);
    }
    if (!answer) throw failed(`plugin ${this.name}: ${method}: the answer is not JSON`);
    return answer;
  }

  async #send(method: string, request: object, { limitMs, patienceMs = 0 }: CallOptions): Promise<Response> {
    const started = performance.now();
    for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
      try {
        return await this.#fetch(method, request, limitMs);
      } catch (error) {
        const mayCome = isAbsent(error) && performance.now() - started + pause <= patienceMs;
        if (!mayCome) throw this.#explained(error, method, limitMs);
        await Bun.sleep(pause);
      }
    }
  }

  #fetch(method: string, request: object, limitMs: number): Promise<Response> {
    const { address } = this;
    const init: BunFetchRequestInit = {
      method: 'POST',
      body: JSON.stringify(request),
      headers: { accept: MEDIA_TYPE, 'content-type': MEDIA_TYPE },
      // A connection that outlives its request would be found dead after the plugin's next restart.
      keepalive: false,
      redirect: 'error',
      signal: AbortSignal.timeout(limitMs),
    };
    if (address.kind === 'socket') return fetch(`http://plugin/${method}`, { ...init, unix: address.path });
    return fetch(`${address.url}/${method}`, { ...init, ...(address.tls && { tls: tlsOptions(address.tls) }) });
  }

  async #read(response: Response, method: string, { limitMs }: CallOptions): Promise<string> {
    try {
      let text = '';
      const decoder = new TextDecoder();
      for await (const chunk of response.body ?? []) {
        text += decoder.decode(chunk, { stream: true });
        if (text.length > MAX_ANSWER) throw failed(`plugin ${this.name}: ${method}: the answer is too large`);
      }
      return text;
    } catch (error) {
      throw error instanceof DockyardError ? error : this.#explained(error, method, limitMs);
    }
  }

  #explained(error: unknown, method: string, limitMs: number): DockyardError {
    const says = (what: string) => unavailable(`plugin ${this.name} ${what} (${method})`, error);
    if (isAbsent(error)) return says('does not listen');
    if (error instanceof Error && error.name === 'TimeoutError')
      return says(`gave no answer within ${limitMs / 1000} s`);
    if (errnoOf(error) === 'ECONNRESET') return says('closed the connection before it answered');
    return unavailable(`plugin ${this.name}: ${method}: ${messageOf(error)}`, error);
  }
}

/** The plugin was never asked. */
function isAbsent(error: unknown): boolean {
  return ['ENOENT', 'ECONNREFUSED', 'ConnectionRefused', 'FailedToOpenSocket'].includes(errnoOf(error) ?? '');
}

function tlsOptions(tls: NonNullable<Extract<PluginAddress, { kind: 'url' }>['tls']>): object {
  const { insecure, ...files } = tls;
  return { ...files, rejectUnauthorized: !insecure };
}

/** An empty answer has nothing to say, which is all some methods have. */
function parse(text: string): Answer | undefined {
  if (text.trim() === '') return {};
  try {
    const value: unknown = JSON.parse(text);
    if (value === null) return {};
    return isJsonObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
