// What goes wrong between a client and an engine. The texts are Docker's: scripts match them.

/** The engine answered, and the answer is an error. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    /** What the engine said, without the prefix that people see. */
    readonly detail: string,
  ) {
    super(`Error response from daemon: ${detail}`);
    this.name = 'ApiError';
  }
}

/** There was no answer. */
export class ConnectionError extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'ConnectionError';
  }
}

/** The client's own settings make no sense: a host, a certificate, a context. */
export class ClientSetupError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ClientSetupError';
  }
}

export function isStatus(error: unknown, status: number): error is ApiError {
  return error instanceof ApiError && error.status === status;
}

/** What a connection that broke before its answer means to people. */
export function brokenConnection(failure: Error): ConnectionError {
  const protocol = 'code' in failure && failure.code === 'EPROTO';
  const hint = protocol
    ? 'the server probably has client authentication (--tlsverify) enabled; check your TLS client certification settings: '
    : 'error during connect: ';
  return new ConnectionError(`${hint}${failure.message}`, failure);
}
