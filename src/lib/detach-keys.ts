import { invalid } from './errors.ts';

/** What a terminal sends for "ctrl-p,ctrl-q" and the like. '' is no sequence at all. */
export function parseDetachKeys(text: string | undefined): Uint8Array {
  if (text === undefined) return Uint8Array.of(16, 17);
  if (text === '') return new Uint8Array();
  return Uint8Array.from(text.split(',').map(key => keyCode(key, text)));
}

const specials: Record<string, number> = { '@': 0, '[': 27, '\\': 28, ']': 29, '^': 30, _: 31 };

function keyCode(key: string, whole: string): number {
  if (key.length === 1) return key.charCodeAt(0);
  const match = /^ctrl-(.)$/i.exec(key);
  const control = match?.[1]?.toLowerCase();
  if (control !== undefined && /[a-z]/.test(control)) return control.charCodeAt(0) - 96;
  if (control !== undefined && control in specials) return specials[control]!;
  throw invalid(`Invalid detach keys (${whole}) provided`);
}

/** Watches for the sequence in what a person types. Bytes that might begin it are held back until that is clear. */
export class DetachKeys {
  #matched = 0;

  constructor(private readonly keys: Uint8Array) {}

  feed(chunk: Uint8Array): { pass: Uint8Array; detached: boolean } {
    const pass: number[] = [];
    for (const byte of chunk) {
      if (byte === this.keys[this.#matched]) {
        if (++this.#matched === this.keys.length) return { pass: Uint8Array.from(pass), detached: true };
        continue;
      }
      if (this.#matched > 0) {
        pass.push(...this.keys.subarray(0, this.#matched));
        this.#matched = byte === this.keys[0] ? 1 : 0;
        if (this.#matched === 1) continue;
      }
      pass.push(byte);
    }
    return { pass: Uint8Array.from(pass), detached: false };
  }
}
