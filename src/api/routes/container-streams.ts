// /containers: what they say and what they are told, as it happens.
import type { Containers } from '../../engine/containers/containers.ts';
import { invalid } from '../../lib/errors.ts';
import { serveAttachment } from '../attachment.ts';
import { hijack } from '../http/upgrade.ts';
import { acceptWebSocket } from '../http/websocket.ts';
import { encodeOutput, streamType } from '../output.ts';
import type { Query } from '../query.ts';
import { json, jsonLines, stream } from '../reply.ts';
import { type Route, route } from '../route.ts';
import { statsFor } from '../versions/containers.ts';

export function containerStreamRoutes(containers: Containers): Route[] {
  return [
    route('GET', '/containers/{id:.*}/logs', async ({ params, query, version, signal }) => {
      const stdout = query.flag('stdout');
      const stderr = query.flag('stderr');
      if (!stdout && !stderr) throw invalid("must specify at least one of 'stdout' or 'stderr'");
      if (query.text('format') !== '') throw invalid('unsupported log format');
      const { tty, output } = await containers.logs(params.id, {
        stdout,
        stderr,
        since: query.time('since'),
        until: version.before('1.35') ? undefined : query.time('until'),
        tail: tailOf(query),
        timestamps: query.flag('timestamps'),
        details: query.flag('details'),
        follow: query.flag('follow'),
        signal,
      });
      return stream(streamType(tty, version), encodeOutput(output, tty));
    }),

    route('GET', '/containers/{id:.*}/stats', async ({ params, query, version, signal }) => {
      const streaming = query.flag('stream', true);
      const oneShot = !version.before('1.41') && query.flag('one-shot');
      if (streaming && oneShot) throw invalid('cannot have stream=true and one-shot=true');
      const samples = containers.stats(params.id, { stream: streaming, oneShot, signal });
      if (streaming) return jsonLines(adapted(samples, sample => statsFor(version, sample)));
      for await (const sample of samples) return json(statsFor(version, sample));
      return json({});
    }),

    route('POST', '/containers/{id:.*}/attach', async request => {
      const { params, query, version, signal } = request;
      const attachment = await containers.attach(params.id, attachRequest(query), signal);
      const type = streamType(attachment.tty, version);
      return hijack(request, type, connection => serveAttachment(connection, attachment, !attachment.tty));
    }),

    route('GET', '/containers/{id:.*}/attach/ws', async request => {
      const { params, query, version, signal } = request;
      const upgrade = acceptWebSocket(request, { binary: !version.before('1.28') });
      // Before 1.42 the three streams could not be chosen.
      const streams = version.before('1.42') ? { stdin: true, stdout: true, stderr: true } : {};
      const attachment = await containers.attach(params.id, { ...attachRequest(query), ...streams }, signal);
      return upgrade(connection => serveAttachment(connection, attachment, false));
    }),
  ];
}

function attachRequest(query: Query) {
  return {
    stdin: query.flag('stdin'),
    stdout: query.flag('stdout'),
    stderr: query.flag('stderr'),
    logs: query.flag('logs'),
    stream: query.flag('stream'),
    detachKeys: query.text('detachKeys') || undefined,
  };
}

/** Anything but a number of lines means all of them, as in Docker. */
function tailOf(query: Query): number | undefined {
  const tail = query.text('tail');
  return /^\d{1,15}$/.test(tail) ? Number(tail) : undefined;
}

async function* adapted<From, To>(source: AsyncIterable<From>, adapt: (value: From) => To): AsyncIterable<To> {
  for await (const value of source) yield adapt(value);
}
