// Says on a bridge who has an address from now on: neighbours that have talked to its former owner would go on sending to that
// one's interface until they notice, which takes them up to a minute. Who doesn't know the address learns nothing by it.
import { KernelError } from '../../kernel/libc.ts';
import { PacketSocket } from '../../kernel/packet-socket.ts';
import { log } from '../../lib/logger.ts';
import { addressBytes, requireAddress } from '../addresses.ts';
import type { EndpointSpec } from './driver.ts';

const ETHERTYPE_ARP = 0x0806;
const ETHERTYPE_IPV6 = 0x86dd;
const TO_ALL = Buffer.from('ffffffffffff', 'hex');
const TO_ALL_NODES = Buffer.from('333300000001', 'hex');
const ALL_NODES = addressBytes(requireAddress('ff02::1'));
/** Ethernet and IPv4, six and four bytes, a request. */
const ARP_REQUEST = Buffer.from('0001080006040001', 'hex');
const IPPROTO_ICMPV6 = 58;
const NEIGHBOUR_ADVERTISEMENT = 136;
const OVERRIDE = 0x20;
const TARGET_LINK_LAYER_ADDRESS = Buffer.from([2, 1]);

let socket: PacketSocket | undefined;

/** Before the owner is there itself: it would take the words for a rival's. */
export function announce(bridge: number, { macAddress, ipv4, ipv6 }: EndpointSpec): void {
  const hardware = Buffer.from(macAddress.replaceAll(':', ''), 'hex');
  try {
    socket ??= new PacketSocket();
    if (ipv4) socket.send(bridge, gratuitousRequest(hardware, addressBytes(requireAddress(ipv4.address))));
    if (ipv6) socket.send(bridge, advertisement(hardware, addressBytes(requireAddress(ipv6.address))));
  } catch (error) {
    // They will notice by themselves.
    if (!(error instanceof KernelError)) throw error;
    log.debug('an address was not announced', { error: error.message });
  }
}

function gratuitousRequest(hardware: Uint8Array, address: Uint8Array): Buffer {
  const nobody = Buffer.alloc(6);
  return Buffer.concat([header(TO_ALL, hardware, ETHERTYPE_ARP), ...[ARP_REQUEST, hardware, address, nobody, address]]);
}

function advertisement(hardware: Uint8Array, address: Uint8Array): Buffer {
  const message = Buffer.concat([Buffer.alloc(8), address, TARGET_LINK_LAYER_ADDRESS, hardware]);
  message[0] = NEIGHBOUR_ADVERTISEMENT;
  message[4] = OVERRIDE;
  const length = Buffer.alloc(8);
  length.writeUInt32BE(message.length);
  length[7] = IPPROTO_ICMPV6;
  message.writeUInt16BE(checksum(Buffer.concat([address, ALL_NODES, length, message])), 2);
  const ip = Buffer.from([0x60, 0, 0, 0, 0, message.length, IPPROTO_ICMPV6, 255]);
  return Buffer.concat([header(TO_ALL_NODES, hardware, ETHERTYPE_IPV6), ip, address, ALL_NODES, message]);
}

function header(destination: Uint8Array, source: Uint8Array, type: number): Buffer {
  return Buffer.concat([destination, source, Uint8Array.of(type >> 8, type & 0xff)]);
}

/** Of the internet, over an even number of bytes. */
function checksum(bytes: Buffer): number {
  let sum = 0;
  for (let at = 0; at < bytes.length; at += 2) sum += bytes.readUInt16BE(at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return ~sum & 0xffff;
}
