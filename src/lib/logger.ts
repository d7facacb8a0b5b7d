// The daemon's log: one line per event on stderr, as text (logfmt, like Docker's) or as JSON. Level and format are the
// process's own, set once by the daemon and again on reload.
import { writeSync } from 'node:fs';
import { errnoOf, messageOf } from './errors.ts';

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'fatal'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];
export type LogFormat = 'text' | 'json';
export type LogFields = Readonly<Record<string, unknown>>;

export interface LogRecord {
  time: Date;
  level: LogLevel;
  message: string;
  fields: LogFields;
}

let threshold: LogLevel = 'info';
let format: LogFormat = 'text';
let dropped = 0;

export function configureLog(options: { level?: LogLevel; format?: LogFormat }): void {
  threshold = options.level ?? threshold;
  format = options.format ?? format;
}

function isLogged(level: LogLevel): boolean {
  return LOG_LEVELS.indexOf(level) >= LOG_LEVELS.indexOf(threshold);
}

/** `log.warn('could not remove the bundle', { container: id, error })`. Field names are camelCase or snake_case words. */
export const log = {
  debug: (message: string, fields: LogFields = {}) => write('debug', message, fields),
  info: (message: string, fields: LogFields = {}) => write('info', message, fields),
  warn: (message: string, fields: LogFields = {}) => write('warn', message, fields),
  error: (message: string, fields: LogFields = {}) => write('error', message, fields),
  fatal: (message: string, fields: LogFields = {}) => write('fatal', message, fields),
};

function write(level: LogLevel, message: string, fields: LogFields): void {
  if (!isLogged(level)) return;
  const record = {
    time: new Date(),
    level,
    message,
    fields: dropped > 0 ? { ...fields, droppedLines: dropped } : fields,
  };
  try {
    writeSync(2, formatRecord(record, format));
    dropped = 0;
  } catch (error) {
    // Whoever reads stderr is too slow or gone: the engine must not stop or fail for that.
    if (errnoOf(error) === 'EAGAIN') dropped++;
    else if (errnoOf(error) !== 'EPIPE' && errnoOf(error) !== 'EBADF') throw error;
  }
}

export function formatRecord(record: LogRecord, as: LogFormat): string {
  const level = record.level === 'warn' ? 'warning' : record.level;
  const time = record.time.toISOString().replace('Z', '000000Z');
  const fields = Object.entries(record.fields).filter(([, value]) => value !== undefined);
  if (as === 'json') {
    const shown = Object.fromEntries(fields.map(([name, value]) => [name, jsonValue(value)]));
    return `${JSON.stringify({ ...shown, level, msg: record.message, time })}\n`;
  }
  const pairs = fields.map(([name, value]) => ` ${name}=${textValue(value)}`).join('');
  return `time="${time}" level=${level} msg=${JSON.stringify(record.message)}${pairs}\n`;
}

function jsonValue(value: unknown): unknown {
  return value instanceof Error ? messageOf(value) : value;
}

function textValue(value: unknown): string {
  const shown = jsonValue(value);
  const text = typeof shown === 'string' ? shown : (JSON.stringify(shown) ?? String(shown));
  return /^[\w.:/@+-]+$/.test(text) ? text : JSON.stringify(text);
}
