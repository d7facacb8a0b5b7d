// What an engine has left behind in the host's network: bridges and other interfaces that carry its name, and its table.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { kernelHasNftables, NftSocket } from '../../src/kernel/nftables/socket.ts';
import { Transaction } from '../../src/kernel/nftables/transaction.ts';
import { message } from '../../src/kernel/rtnetlink/message.ts';
import { RouteSocket } from '../../src/kernel/rtnetlink/socket.ts';

export interface NetworkLeftovers {
  interfaces: string[];
  tables: string[];
}

/** The name that the kernel's objects of an engine carry. */
const ownerOf = (dataRoot: string) => `dockyard-${createHash('sha256').update(dataRoot).digest('hex').slice(0, 8)}`;

export function networkLeftovers(dataRoot: string): NetworkLeftovers {
  const owner = ownerOf(dataRoot);
  return { interfaces: interfacesOf(owner), tables: tablesNamed(owner) };
}

export function removeNetworkLeftovers(dataRoot: string): void {
  const { interfaces, tables } = networkLeftovers(dataRoot);
  if (interfaces.length > 0) {
    using links = new RouteSocket();
    for (const name of interfaces) links.send(message.deleteLink(name));
  }
  if (tables.length > 0) {
    using firewall = new NftSocket();
    for (const table of tables) firewall.commit(new Transaction().deleteTable('inet', table));
  }
}

function interfacesOf(owner: string): string[] {
  return readdirSync('/sys/class/net').filter(name => {
    try {
      return readFileSync(`/sys/class/net/${name}/ifalias`, 'utf8').trim() === owner;
    } catch {
      // Interfaces come and go while we look.
      return false;
    }
  });
}

function tablesNamed(owner: string): string[] {
  if (!kernelHasNftables()) return [];
  using firewall = new NftSocket();
  return firewall.tables('inet').filter(name => name === owner);
}
