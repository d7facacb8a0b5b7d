import { addressMessages } from './address.ts';
import { linkMessages } from './link.ts';
import { routeMessages } from './route.ts';

/** Requests are made first and sent together: one system call for a whole interface. */
export const message = { ...linkMessages, ...addressMessages, ...routeMessages };
