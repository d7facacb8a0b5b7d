// The numbers of nf_tables by netlink.
export const NFNL_SUBSYS_NFTABLES = 10;
export const NFNLGRP_NFTABLES = 7;
export const NFNL_MSG_BATCH_BEGIN = 16;
export const NFNL_MSG_BATCH_END = 17;
export const NFT_MSG_NEWTABLE = 0;
export const NFT_MSG_GETTABLE = 1;
export const NFT_MSG_DELTABLE = 2;
export const NFT_MSG_NEWCHAIN = 3;
export const NFT_MSG_GETCHAIN = 4;
export const NFT_MSG_DELCHAIN = 5;
export const NFT_MSG_NEWRULE = 6;
export const NFT_MSG_GETRULE = 7;
export const NFT_MSG_DELRULE = 8;
export const NFT_MSG_NEWSET = 9;
export const NFT_MSG_NEWSETELEM = 12;
export const NFT_MSG_GETSETELEM = 13;
export const NFT_MSG_DELSETELEM = 14;

export const FAMILIES = { inet: 1, ip: 2, ip6: 10, bridge: 7, arp: 3, netdev: 5 } as const;
export type TableFamily = keyof typeof FAMILIES;

export const HOOKS = { prerouting: 0, input: 1, forward: 2, output: 3, postrouting: 4 } as const;
export type Hook = keyof typeof HOOKS;

export const NF_DROP = 0;
export const NF_ACCEPT = 1;
export const NFT_JUMP = -3 >>> 0;
export const NFT_RETURN = -5 >>> 0;

export const NFTA_DATA_VALUE = 1;
export const NFTA_DATA_VERDICT = 2;
