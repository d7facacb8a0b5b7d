// /exec: another process in a running container.
import type { Attachment, Containers } from '../../engine/containers/containers.ts';
import { failed, invalid } from '../../lib/errors.ts';
import type { Duplex } from '../../lib/streams.ts';
import { serveAttachment } from '../attachment.ts';
import type { HttpRequest, Reply } from '../http/message.ts';
import { hijack } from '../http/upgrade.ts';
import { streamType } from '../output.ts';
import { created, done, json } from '../reply.ts';
import { type Route, route } from '../route.ts';
import type { ApiVersion } from '../version.ts';

export function execRoutes(containers: Containers): Route[] {
  return [
    route('POST', '/containers/{id:.*}/exec', async request => {
      const config = await request.json('ExecConfig');
      if (!config.Cmd?.length) throw invalid('No exec command specified');
      const id = await containers.createExec(request.params.id, {
        attachStdin: config.AttachStdin ?? false,
        attachStdout: config.AttachStdout ?? false,
        attachStderr: config.AttachStderr ?? false,
        consoleSize: consoleSize(request.version, config.ConsoleSize),
        detachKeys: config.DetachKeys,
        tty: config.Tty ?? false,
        env: config.Env ?? [],
        cmd: config.Cmd,
        privileged: config.Privileged ?? false,
        user: config.User ?? '',
        workingDir: request.version.before('1.35') ? '' : (config.WorkingDir ?? ''),
      });
      const { headers, signal, version } = request;
      if (headers.get('dockyard-start') !== 'attached' || !headers.has('upgrade')) return created({ Id: id });
      // Our client saves itself a round trip.
      const attachment = await containers.startExec(id, { detach: false }, signal);
      return attached(request, version, id, attachment);
    }),

    route('POST', '/exec/{id:.*}/start', async request => {
      const { params, version, signal } = request;
      const { Detach: detach = false, Tty: tty = false, ConsoleSize } = await request.json('ExecStartConfig');
      const size = tty ? consoleSize(version, ConsoleSize) : undefined;
      const attachment = await containers.startExec(params.id, { detach, tty, consoleSize: size }, signal);
      if (detach) return done();
      return attached(request, version, params.id, attachment);
    }),

    route('POST', '/exec/{id:.*}/resize', async ({ params, query }) => {
      await containers.resizeExec(params.id, query.size('h'), query.size('w'));
      return done();
    }),

    route('GET', '/exec/{id:.*}/json', async ({ params, headers, signal }) => {
      // Our client saves itself a round trip by asking before there is an answer.
      if (headers.get('dockyard-wait') !== 'exit') return json(await containers.inspectExec(params.id));
      return json(await containers.inspectExec(params.id, { atEnd: signal }), { 'Dockyard-Waited': 'exit' });
    }),
  ];
}

function attached(request: HttpRequest, version: ApiVersion, id: string, attachment: Attachment | undefined): Reply {
  if (!attachment) throw failed(`exec ${id} was started without its streams`);
  const serve = (connection: Duplex) => serveAttachment(connection, attachment, !attachment.tty);
  const reply = hijack(request, streamType(attachment.tty, version), serve);
  return { ...reply, headers: { ...reply.headers, 'Dockyard-Exec': id } };
}

/** Height and width, which clients may give since 1.42. */
function consoleSize(
  version: ApiVersion,
  size: readonly number[] | null | undefined,
): readonly [number, number] | undefined {
  if (!size || version.before('1.42')) return undefined;
  const [height = 0, width = 0] = size;
  return height > 0 || width > 0 ? [height, width] : undefined;
}
