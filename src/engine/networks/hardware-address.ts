/** A locally administered one, as Docker makes them: four bytes behind 02:42. */
export function hardwareAddress(bytes: Uint8Array): string {
  return ['02', '42', ...[...bytes].map(byte => byte.toString(16).padStart(2, '0'))].join(':');
}
