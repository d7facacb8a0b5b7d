// Where an engine has its own rules. What these let through has to pass everybody else's, which are opened for it; its own are not.
import type { ForeignChain } from '../../../kernel/nftables/socket.ts';
import type { Family } from '../../addresses.ts';

export interface OwnPlace {
  isOwn(chain: ForeignChain): boolean;
  /** Families in which the rules of the older iptables are others'. */
  olderOfOthers(): readonly Family[];
}

/** A table of nf_tables that nobody else uses. */
export const tableOfOwn = (name: string): OwnPlace => ({
  isOwn: ({ table }) => table === name,
  olderOfOthers: () => [4, 6],
});
