import { defineCommand, exactly } from '../../framework/command.ts';
import { ExitError } from '../../framework/errors.ts';
import { isKnownPair } from '../../manifest/platforms.ts';
import { referenceOf } from '../../manifest/remote.ts';
import { ManifestStore } from '../../manifest/store.ts';

export const command = defineCommand({
  usage: '[OPTIONS] MANIFEST_LIST MANIFEST',
  summary: 'Say for what platform an image of a list is',
  arguments: exactly(2),
  flags: {
    arch: { type: 'string', summary: 'Architecture' },
    os: { type: 'string', summary: 'Operating system' },
    'os-features': { type: 'stringSlice', summary: 'Features of the operating system that it needs' },
    'os-version': { type: 'string', summary: 'Version of the operating system' },
    variant: { type: 'string', summary: 'Variant of the architecture' },
  },
  async run(cli, flags, [name = '', imageName = '']) {
    const [list, image] = [referenceOf(name), referenceOf(imageName)];
    const store = new ManifestStore(cli.configDirectory);
    const stored = await store.image(list, image);
    if (!stored) throw new ExitError(1, `manifest for image ${imageName} does not exist in ${name}`);
    const before = stored.descriptor.platform ?? { architecture: '', os: '' };
    const features = before['os.features'] ?? [];
    const platform = {
      architecture: flags.arch || before.architecture,
      os: flags.os || before.os,
      'os.version': flags['os-version'] || before['os.version'],
      'os.features': [...features, ...flags['os-features'].filter(feature => !features.includes(feature))],
      variant: flags.variant || before.variant,
    };
    if (!isKnownPair(platform.os, platform.architecture)) {
      const pair = `${flags.os}/${flags.arch}`;
      throw new ExitError(1, `manifest entry for image has unsupported os/arch combination: ${pair}`);
    }
    await store.save(list, image, { ...stored, descriptor: { ...stored.descriptor, platform } });
  },
});
