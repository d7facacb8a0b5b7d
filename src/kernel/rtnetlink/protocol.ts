// Numbers of rtnetlink that several kinds of messages have in common.
export const RTM_NEWADDR = 20;
export const RTM_DELADDR = 21;
export const IFLA_IFNAME = 3;
export const AF_UNSPEC = 0;
export const AF_INET = 2;
export const AF_INET6 = 10;
export const RTA_DST = 1;
export const RTA_OIF = 4;
export const RT_SCOPE_LINK = 253;
export const RTN_UNICAST = 1;
