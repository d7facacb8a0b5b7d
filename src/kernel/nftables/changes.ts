import { NETLINK_NETFILTER, NetlinkSocket } from '../netlink.ts';
import { NFNLGRP_NFTABLES } from './protocol.ts';

/** Becomes readable when anybody changes the rules of this namespace. */
export class RulesetChanges implements Disposable {
  readonly #netlink = NetlinkSocket.open(NETLINK_NETFILTER, 1 << (NFNLGRP_NFTABLES - 1));

  get descriptor(): number {
    return this.#netlink.descriptor;
  }

  /** Always something. */
  drain(): boolean {
    this.#netlink.drain();
    return true;
  }

  [Symbol.dispose](): void {
    this.#netlink[Symbol.dispose]();
  }
}
