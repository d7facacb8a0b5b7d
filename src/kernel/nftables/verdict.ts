import type { MessageWriter } from '../netlink.ts';
import { NF_ACCEPT, NF_DROP, NFT_JUMP, NFT_RETURN, NFTA_DATA_VERDICT } from './protocol.ts';

export type Verdict = 'accept' | 'drop' | 'return' | { jump: string };

export function writeVerdict(writer: MessageWriter, verdict: Verdict): void {
  writer.nested(NFTA_DATA_VERDICT, () => {
    if (typeof verdict === 'object') {
      writer.attribute(1, () => writer.be32(NFT_JUMP));
      writer.attribute(2, () => writer.text(verdict.jump));
      return;
    }
    const code = { accept: NF_ACCEPT, drop: NF_DROP, return: NFT_RETURN }[verdict];
    writer.attribute(1, () => writer.be32(code));
  });
}
