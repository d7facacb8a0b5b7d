// Images in the words of older clients.
import type { ImageInspect, ImageSummary } from '../../wire/types.ts';
import type { ApiVersion } from '../version.ts';

export function imageSummaryFor(version: ApiVersion, summary: ImageSummary): object {
  const older: Record<string, unknown> = { ...summary };
  if (version.before('1.51')) older['Containers'] = -1;
  if (version.before('1.48')) delete older['Descriptor'];
  if (version.before('1.44')) older['VirtualSize'] = summary.Size;
  if (version.before('1.43') && summary.RepoTags.length === 0 && summary.RepoDigests.length === 0) {
    older['RepoTags'] = ['<none>:<none>'];
    older['RepoDigests'] = ['<none>@<none>'];
  }
  return older;
}

const ZERO_TIME = '0001-01-01T00:00:00Z';

export function imageInspectFor(version: ApiVersion, inspect: ImageInspect): object {
  if (!version.before('1.52')) return withoutEmpty(inspect);
  const older: Record<string, unknown> = { ...inspect };
  older['Parent'] = '';
  older['DockerVersion'] = '';
  older['GraphDriver'] = { Name: 'overlayfs', Data: null };
  older['Config'] = { ...oldConfig(version), ...inspect.Config };
  if (version.before('1.48')) delete older['Descriptor'];
  if (version.before('1.45')) {
    older['Container'] = '';
    older['ContainerConfig'] = null;
  }
  if (version.before('1.44')) {
    older['VirtualSize'] = inspect.Size;
    older['Created'] ??= ZERO_TIME;
  }
  return older;
}

/** Since 1.52 what is empty is left out. */
function withoutEmpty({ Comment, Author, ...rest }: ImageInspect): ImageInspect {
  return { ...rest, ...(Comment && { Comment }), ...(Author && { Author }) };
}

/** Fields that used to be there always. */
function oldConfig(version: ApiVersion): Record<string, unknown> {
  const always = {
    User: '',
    Env: null,
    Cmd: null,
    Volumes: null,
    WorkingDir: '',
    Entrypoint: null,
    OnBuild: null,
    Labels: null,
  };
  if (!version.before('1.50')) return always;
  return {
    Hostname: '',
    Domainname: '',
    AttachStdin: false,
    AttachStdout: false,
    AttachStderr: false,
    Tty: false,
    OpenStdin: false,
    StdinOnce: false,
    Image: '',
    ...always,
  };
}
