// What a registry answers when it does not do what it was asked: the codes of the distribution specification.

const statuses = {
  BLOB_UNKNOWN: 404,
  BLOB_UPLOAD_INVALID: 400,
  BLOB_UPLOAD_UNKNOWN: 404,
  DIGEST_INVALID: 400,
  MANIFEST_BLOB_UNKNOWN: 404,
  MANIFEST_INVALID: 400,
  MANIFEST_UNKNOWN: 404,
  NAME_INVALID: 400,
  NAME_UNKNOWN: 404,
  PAGINATION_NUMBER_INVALID: 400,
  RANGE_INVALID: 416,
  SIZE_INVALID: 400,
  TAG_INVALID: 400,
  UNAUTHORIZED: 401,
  UNKNOWN: 500,
  UNSUPPORTED: 405,
  UNAVAILABLE: 503,
} as const;

export type ErrorCode = keyof typeof statuses;

export class RegistryError extends Error {
  readonly status: number;
  constructor(
    readonly code: ErrorCode,
    message: string,
    readonly options: { status?: number; headers?: Readonly<Record<string, string>>; detail?: unknown } = {},
  ) {
    super(message);
    this.name = 'RegistryError';
    this.status = options.status ?? statuses[code];
  }

  /** Without a body for HEAD, which has none. */
  response(): Response {
    const { detail = null, headers } = this.options;
    const errors = [{ code: this.code, message: this.message, detail }];
    return Response.json({ errors }, { status: this.status, headers });
  }
}
