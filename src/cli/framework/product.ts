import { productVersion } from '../../lib/product.ts';

export { productVersion };
/** What this client calls itself. */
export const userAgent = `Docker-Client/${productVersion} (linux)`;
