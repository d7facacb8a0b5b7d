// Changes that happen together or not at all.
import { type MessageWriter, type NetlinkMessage, NLM_F_ACK, NLM_F_APPEND, NLM_F_CREATE } from '../netlink.ts';
import type { Expression } from './expression.ts';
import {
  FAMILIES,
  HOOKS,
  type Hook,
  NF_ACCEPT,
  NF_DROP,
  NFNL_SUBSYS_NFTABLES,
  NFT_MSG_DELCHAIN,
  NFT_MSG_DELRULE,
  NFT_MSG_DELSETELEM,
  NFT_MSG_DELTABLE,
  NFT_MSG_NEWCHAIN,
  NFT_MSG_NEWRULE,
  NFT_MSG_NEWSET,
  NFT_MSG_NEWSETELEM,
  NFT_MSG_NEWTABLE,
  type TableFamily,
} from './protocol.ts';
import { type SetElement, type SetLayout, writeElement, writeLayout } from './set.ts';

export interface BaseChain {
  type: 'filter' | 'nat' | 'route';
  hook: Hook;
  priority: number;
  policy: 'accept' | 'drop';
}

/** Collects changes; nothing happens before it is committed. */
export class Transaction {
  readonly messages: NetlinkMessage[] = [];
  #setId = 1;

  addTable(family: TableFamily, table: string): this {
    return this.#add(NFT_MSG_NEWTABLE, NLM_F_CREATE, family, `add table ${table}`, writer => {
      writer.attribute(1, () => writer.text(table));
      writer.attribute(2, () => writer.be32(0));
    });
  }

  deleteTable(family: TableFamily, table: string): this {
    return this.#add(NFT_MSG_DELTABLE, 0, family, `delete table ${table}`, writer =>
      writer.attribute(1, () => writer.text(table)),
    );
  }

  addChain(family: TableFamily, table: string, chain: string, base?: BaseChain): this {
    return this.#add(NFT_MSG_NEWCHAIN, NLM_F_CREATE, family, `add chain ${chain}`, writer => {
      writer.attribute(1, () => writer.text(table));
      writer.attribute(3, () => writer.text(chain));
      if (!base) return;
      writer.nested(4, () => {
        writer.attribute(1, () => writer.be32(HOOKS[base.hook]));
        writer.attribute(2, () => writer.be32(base.priority));
      });
      writer.attribute(5, () => writer.be32(base.policy === 'drop' ? NF_DROP : NF_ACCEPT));
      writer.attribute(7, () => writer.text(base.type));
    });
  }

  /** At the end of the chain, or at its start. */
  addRule(
    target: { family: TableFamily; table: string; chain: string },
    expressions: readonly Expression[],
    options: { first?: boolean; comment?: string } = {},
  ): this {
    const { family, table, chain } = target;
    const flags = NLM_F_CREATE | (options.first ? 0 : NLM_F_APPEND);
    return this.#add(NFT_MSG_NEWRULE, flags, family, `add rule to ${table} ${chain}`, writer => {
      writer.attribute(1, () => writer.text(table));
      writer.attribute(2, () => writer.text(chain));
      writer.nested(4, () => {
        for (const write of expressions) write(writer);
      });
      if (options.comment) writer.attribute(7, () => writer.raw(commentData(options.comment!)));
    });
  }

  deleteChain(family: TableFamily, table: string, chain: string): this {
    return this.#add(NFT_MSG_DELCHAIN, 0, family, `delete chain ${chain}`, writer => {
      writer.attribute(1, () => writer.text(table));
      writer.attribute(3, () => writer.text(chain));
    });
  }

  /** All rules of a chain. */
  flushChain(family: TableFamily, table: string, chain: string): this {
    return this.#add(NFT_MSG_DELRULE, 0, family, `flush chain ${chain}`, writer => {
      writer.attribute(1, () => writer.text(table));
      writer.attribute(2, () => writer.text(chain));
    });
  }

  deleteRule(family: TableFamily, table: string, chain: string, handle: bigint): this {
    return this.#add(NFT_MSG_DELRULE, 0, family, `delete rule of ${table} ${chain}`, writer => {
      writer.attribute(1, () => writer.text(table));
      writer.attribute(2, () => writer.text(chain));
      writer.attribute(3, () => writer.be64(handle));
    });
  }

  addSet(family: TableFamily, table: string, layout: SetLayout): this {
    const { name } = layout;
    return this.#add(NFT_MSG_NEWSET, NLM_F_CREATE, family, `add set ${name}`, writer => {
      writer.attribute(1, () => writer.text(table));
      writer.attribute(2, () => writer.text(name));
      writeLayout(writer, layout, this.#setId++);
    });
  }

  addElements(family: TableFamily, table: string, set: string, elements: readonly SetElement[]): this {
    return this.#elements(NFT_MSG_NEWSETELEM, NLM_F_CREATE, family, table, set, elements);
  }

  deleteElements(family: TableFamily, table: string, set: string, elements: readonly SetElement[]): this {
    return this.#elements(NFT_MSG_DELSETELEM, 0, family, table, set, elements);
  }

  flushSet(family: TableFamily, table: string, set: string): this {
    return this.#add(NFT_MSG_DELSETELEM, 0, family, `flush ${table} ${set}`, writer => {
      writer.attribute(1, () => writer.text(table));
      writer.attribute(2, () => writer.text(set));
    });
  }

  #elements(
    type: number,
    flags: number,
    family: TableFamily,
    table: string,
    set: string,
    elements: readonly SetElement[],
  ): this {
    // The list is one attribute, whose length has sixteen bits.
    for (let at = 0; at < elements.length; at += 256) {
      const some = elements.slice(at, at + 256);
      this.#add(type, flags, family, `elements of ${table} ${set}`, writer => {
        writer.attribute(1, () => writer.text(table));
        writer.attribute(2, () => writer.text(set));
        writer.nested(3, () => {
          for (const element of some) writer.nested(1, () => writeElement(writer, element));
        });
      });
    }
    return this;
  }

  #add(type: number, flags: number, family: TableFamily, subject: string, body: (writer: MessageWriter) => void): this {
    this.messages.push({
      type: (NFNL_SUBSYS_NFTABLES << 8) | type,
      flags: flags | NLM_F_ACK,
      subject,
      body: writer => {
        writer.u8(FAMILIES[family]).u8(0).be16(0);
        body(writer);
      },
    });
    return this;
  }
}

/** As `nft` stores what stands behind `comment`. */
function commentData(comment: string): Buffer {
  const text = Buffer.from(`${comment}\0`);
  return Buffer.concat([Buffer.from([0, text.length]), text]);
}
