// Says to everybody on the network that it is their router, and that an address prefix is theirs to use.
#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/icmp6.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

int main(int argc, char **argv) {
  struct {
    struct nd_router_advert router;
    struct nd_opt_prefix_info prefix;
  } packet = {{{{0}}}};
  struct sockaddr_in6 everybody = {.sin6_family = AF_INET6};
  int hops = 255, index = if_nametoindex(argv[1]);
  int fd = socket(AF_INET6, SOCK_RAW, IPPROTO_ICMPV6);

  packet.router.nd_ra_type = ND_ROUTER_ADVERT;
  packet.router.nd_ra_curhoplimit = 64;
  packet.router.nd_ra_router_lifetime = htons(1800);
  packet.prefix.nd_opt_pi_type = ND_OPT_PREFIX_INFORMATION;
  packet.prefix.nd_opt_pi_len = sizeof packet.prefix / 8;
  packet.prefix.nd_opt_pi_prefix_len = 64;
  packet.prefix.nd_opt_pi_flags_reserved = ND_OPT_PI_FLAG_ONLINK | ND_OPT_PI_FLAG_AUTO;
  packet.prefix.nd_opt_pi_valid_time = packet.prefix.nd_opt_pi_preferred_time = htonl(1800);
  inet_pton(AF_INET6, argv[2], &packet.prefix.nd_opt_pi_prefix);
  inet_pton(AF_INET6, "ff02::1", &everybody.sin6_addr);
  everybody.sin6_scope_id = index;
  // A router that is further away than one hop is nobody's.
  if (fd < 0 || setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, &hops, sizeof hops) ||
      setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, &index, sizeof index) ||
      sendto(fd, &packet, sizeof packet, 0, (struct sockaddr *)&everybody, sizeof everybody) < 0) {
    perror("advertise");
    return 1;
  }
  return 0;
}
