// Docker's classic: files of JSON lines that log shippers know. conmon can't write them, so its file is converted as it grows.
import { join } from 'node:path';
import { invalid } from '../../../lib/errors.ts';
import type { Output } from '../../output.ts';
import { detailsText, logAttributes, validateAttributes } from '../attributes.ts';
import { Converter } from '../json-file/converter.ts';
import { Destination, type FileLimits } from '../json-file/destination.ts';
import { goJson } from '../json-file/go-json.ts';
import { jsonFormat } from '../json-file/json-format.ts';
import { mostWaiting, Pace } from '../json-file/pace.ts';
import type { ContainerLog, LogContext, LogDriver, LogQuery } from '../log-driver.ts';
import { readLog } from '../log-reader.ts';
import { attributeOptions, type LogOptions, parseBoolean, parseCount, parseSize, rejectUnknown } from '../options.ts';

function fileLimits(options: LogOptions): FileLimits {
  const { 'max-size': size, 'max-file': files, compress } = options;
  const limits = {
    maxSize: size === undefined ? Number.POSITIVE_INFINITY : parseSize(size),
    maxFiles: files === undefined ? 1 : parseCount(files),
    compress: compress === undefined ? false : parseBoolean(compress),
  };
  if (limits.maxSize <= 0) throw invalid('max-size must be a positive number');
  if (limits.maxFiles < 1) throw invalid('max-file cannot be less than 1');
  if (limits.compress && (limits.maxFiles === 1 || limits.maxSize === Number.POSITIVE_INFINITY)) {
    throw invalid('compress cannot be true when max-file is less than 2 or max-size is not set');
  }
  return limits;
}

export const jsonFileDriver: LogDriver = {
  name: 'json-file',
  validate(options) {
    rejectUnknown(options, ['max-size', 'max-file', 'compress', ...attributeOptions], 'json-file log driver');
    fileLimits(options);
    validateAttributes(options);
  },
  open: context => new JsonFileLog(context),
};

class JsonFileLog implements ContainerLog {
  readonly conmonTarget: string;
  readonly path: string;
  readonly #details: string;
  readonly #destination: Destination;
  readonly #converter: Converter;

  constructor(context: LogContext) {
    const attributes = logAttributes(context);
    const source = join(context.directory, 'conmon.log');
    this.conmonTarget = `k8s-file:${source}`;
    this.path = join(context.publicDirectory, `${context.containerId}-json.log`);
    this.#details = detailsText(attributes);
    const limits = fileLimits(context.options);
    this.#destination = new Destination(this.path, limits);
    this.#converter = new Converter(
      source,
      join(context.directory, 'conversion.json'),
      attributes.length > 0 ? goJson(attributes) : '',
      context.reopen,
      this.#destination,
      new Pace(mostWaiting(limits.maxSize, limits.maxFiles)),
    );
  }

  prepare(): Promise<void> {
    return this.#converter.prepare();
  }

  attach(): void {
    this.#converter.attach();
  }

  detach(options: { discard: boolean }): Promise<void> {
    return this.#converter.detach(options);
  }

  async *read(query: LogQuery): Output {
    using _ = this.#converter.reader();
    await this.#converter.settle();
    yield* readLog({ segments: this.#destination.segments, format: jsonFormat, details: this.#details }, query);
  }

  async close(): Promise<void> {
    await this.#converter.close();
    await this.#destination.close();
  }
}
