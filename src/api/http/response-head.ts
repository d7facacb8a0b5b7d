// The head of a response as bytes.

const reasons: Readonly<Record<number, string>> = {
  101: 'Switching Protocols',
  200: 'OK',
  201: 'Created',
  204: 'No Content',
  301: 'Moved Permanently',
  304: 'Not Modified',
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  409: 'Conflict',
  499: 'Client Closed Request',
  500: 'Internal Server Error',
  501: 'Not Implemented',
  503: 'Service Unavailable',
};

export interface ResponseHeadFields {
  status: number;
  reason?: string;
  headers: Readonly<Record<string, string>>;
}

export function encodeHead({ status, reason, headers }: ResponseHeadFields): Buffer {
  let text = `HTTP/1.1 ${status} ${reason ?? reasons[status] ?? 'Unknown'}\r\n`;
  // A line break inside a value would start a header of somebody else's choosing.
  for (const name in headers) text += `${name}: ${headers[name]!.replace(/[\r\n]+/g, ' ')}\r\n`;
  return Buffer.from(`${text}\r\n`, 'latin1');
}

export function hasNoBody(status: number): boolean {
  return status === 204 || status === 304 || status < 200;
}
