/** What this client calls itself. */
export const productVersion = '0.1.0';
export const userAgent = `Docker-Client/${productVersion} (linux)`;
