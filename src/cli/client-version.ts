// What this client says of itself.
import { CLIENT_API_VERSION } from '../client/version.ts';
import { hostPlatform } from '../lib/platform.ts';
import { buildTime, gitCommit, productVersion } from '../lib/product.ts';

export interface ClientVersion {
  Version: string;
  ApiVersion: string;
  DefaultAPIVersion: string;
  GitCommit: string;
  GoVersion: string;
  Os: string;
  Arch: string;
  BuildTime: string;
  Context: string;
}

/** `apiVersion` is the one in use, if it is known. */
export function clientVersion(context: string, apiVersion = ''): ClientVersion {
  const { os, architecture } = hostPlatform();
  return {
    Version: productVersion,
    ApiVersion: apiVersion,
    DefaultAPIVersion: CLIENT_API_VERSION,
    GitCommit: gitCommit,
    // Where other builds name their Go compiler, ours names what runs it.
    GoVersion: `bun${Bun.version}`,
    Os: os,
    Arch: architecture,
    BuildTime: dateText(buildTime),
    Context: context,
  };
}

/** A time of RFC 3339 as `Fri May 30 12:07:14 2025`; anything else as it is. */
export function dateText(text: string): string {
  const match = /^(\d{4})-(\d\d)-(\d\d)T(\d\d:\d\d:\d\d)(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/.exec(text);
  if (!match) return text;
  const [, year, month, day, clock] = match;
  const date = new Date(Date.UTC(Number(year), Number(month) - 1, Number(day)));
  const weekday = 'SunMonTueWedThuFriSat'.substr(date.getUTCDay() * 3, 3);
  const monthName = 'JanFebMarAprMayJunJulAugSepOctNovDec'.substr(date.getUTCMonth() * 3, 3);
  return `${weekday} ${monthName} ${String(Number(day)).padStart(2)} ${clock} ${year}`;
}
