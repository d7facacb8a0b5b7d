// /exec: another process in a running container.
import type { Containers } from '../../engine/containers/containers.ts';
import { failed, invalid } from '../../lib/errors.ts';
import { serveAttachment } from '../attachment.ts';
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
      return created({ Id: id });
    }),

    route('POST', '/exec/{id:.*}/start', async request => {
      const { params, version, signal } = request;
      const { Detach: detach = false, Tty: tty = false, ConsoleSize } = await request.json('ExecStartConfig');
      const size = tty ? consoleSize(version, ConsoleSize) : undefined;
      const attachment = await containers.startExec(params.id, { detach, tty, consoleSize: size }, signal);
      if (detach) return done();
      if (!attachment) throw failed(`exec ${params.id} was started without its streams`);
      const type = streamType(attachment.tty, version);
      return hijack(request, type, connection => serveAttachment(connection, attachment, !attachment.tty));
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

/** Height and width, which clients may give since 1.42. */
function consoleSize(
  version: ApiVersion,
  size: readonly number[] | null | undefined,
): readonly [number, number] | undefined {
  if (!size || version.before('1.42')) return undefined;
  const [height = 0, width = 0] = size;
  return height > 0 || width > 0 ? [height, width] : undefined;
}
