import { invalid } from '../../lib/errors.ts';
import { execSecurity } from '../../runtime/oci/spec.ts';
import type { OciProcess } from '../../runtime/oci/types.ts';
import { resolveUser } from '../../runtime/users.ts';
import type { ExecRequest } from './containers.ts';
import type { ContainerContext } from './context.ts';
import { homeOf, processEnvironment } from './environment.ts';
import type { ContainerRecord } from './record.ts';

/** The process that an exec adds: like its container's own, but for what the request says. */
export function execProcess(
  context: ContainerContext,
  record: ContainerRecord,
  request: ExecRequest,
  consoleSize: readonly [height: number, width: number] | undefined,
): OciProcess {
  const cwd = request.workingDir || record.config.WorkingDir || '/';
  if (!cwd.startsWith('/')) throw invalid(`the working directory '${cwd}' is invalid, it needs to be an absolute path`);
  const user = resolveUser(
    context.snapshots.mountPoint(record.id),
    request.user || (record.config.User ?? ''),
    record.hostConfig.GroupAdd ?? [],
  );
  return {
    terminal: request.tty,
    ...(request.tty && consoleSize ? { consoleSize: { height: consoleSize[0], width: consoleSize[1] } } : {}),
    user: { uid: user.uid, gid: user.gid, additionalGids: user.additionalGids },
    args: [...request.cmd],
    env: processEnvironment({
      config: record.config,
      tty: request.tty,
      linked: context.networks.environment(record.id),
      home: homeOf(user, record.mounts),
      more: request.env,
    }),
    cwd,
    ...execSecurity({
      hostConfig: record.hostConfig,
      host: context.host,
      defaults: context.specDefaults(),
      privileged: request.privileged,
    }),
  };
}
