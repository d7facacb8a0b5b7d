// Says that a datagram could not be delivered: unreachable SELF TO SOURCE SPORT DESTINATION DPORT tells TO, from the
// address SELF, of one that SOURCE has sent.
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static unsigned short checksum(const unsigned char *bytes, int length) {
  unsigned long sum = 0;
  for (int at = 0; at + 1 < length; at += 2) sum += bytes[at] << 8 | bytes[at + 1];
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  return htons(~sum & 0xffff);
}

static void put16(unsigned char *at, int value) {
  at[0] = value >> 8;
  at[1] = value;
}

int main(int argc, char **argv) {
  if (argc != 7) return 2;
  int is6 = strchr(argv[1], ':') != 0;
  int family = is6 ? AF_INET6 : AF_INET;
  unsigned char packet[64] = {0};
  unsigned char *quoted = packet + 8;
  int header = is6 ? 40 : 20;
  packet[0] = is6 ? 1 : 3;
  packet[1] = is6 ? 4 : 3;
  if (is6) {
    quoted[0] = 0x60;
    put16(quoted + 4, 8);
    quoted[6] = 17;
    quoted[7] = 64;
  } else {
    quoted[0] = 0x45;
    put16(quoted + 2, header + 8);
    quoted[8] = 64;
    quoted[9] = 17;
  }
  inet_pton(family, argv[3], quoted + (is6 ? 8 : 12));
  inet_pton(family, argv[5], quoted + (is6 ? 24 : 16));
  put16(quoted + header, atoi(argv[4]));
  put16(quoted + header + 2, atoi(argv[6]));
  put16(quoted + header + 4, 8);
  int length = 8 + header + 8;
  // The kernel does it for IPv6.
  if (!is6) {
    unsigned short sum = checksum(packet, length);
    memcpy(packet + 2, &sum, 2);
  }
  int fd = socket(family, SOCK_RAW, is6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
  struct sockaddr_in to4 = {.sin_family = AF_INET};
  struct sockaddr_in6 to6 = {.sin6_family = AF_INET6};
  inet_pton(family, argv[1], is6 ? (void *)&to6.sin6_addr : (void *)&to4.sin_addr);
  const struct sockaddr *to = is6 ? (struct sockaddr *)&to6 : (struct sockaddr *)&to4;
  socklen_t size = is6 ? sizeof to6 : sizeof to4;
  bind(fd, to, size);
  inet_pton(family, argv[2], is6 ? (void *)&to6.sin6_addr : (void *)&to4.sin_addr);
  if (sendto(fd, packet, length, 0, to, size) == length) return 0;
  perror("unreachable");
  return 1;
}
