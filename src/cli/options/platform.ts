// `--platform os[/arch[/variant]]`.
import { parsePlatform } from '../../lib/platform.ts';

/** The form in which the engine takes a platform in newer requests. Throws what is wrong with it. */
export function platformQuery(text: string): string | undefined {
  return text === '' ? undefined : JSON.stringify(parsePlatform(text));
}

export function platformQueries(texts: readonly string[]): string[] | undefined {
  return texts.length === 0 ? undefined : texts.map(text => JSON.stringify(parsePlatform(text)));
}

/** What commands that make or fetch something use when no platform is given. */
export const defaultPlatform = () => process.env['DOCKER_DEFAULT_PLATFORM'] ?? '';
