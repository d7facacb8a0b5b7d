// Asks a name server for one name as fast as it answers, from wherever this process was put. Prints answers per second.
//   bun test/bench/dns-load.ts ADDRESS NAME SECONDS
export {};

const [address = '', name = '', seconds = '1'] = process.argv.slice(2);
const PORT = 53;
/** So many questions are under way at any time. */
const AT_ONCE = 64;
/** A question whose answer got lost is asked again. */
const PATIENCE_MS = 200;

function question(id: number): Buffer {
  const labels = name.split('.').map(label => Buffer.concat([Buffer.of(label.length), Buffer.from(label)]));
  const header = Buffer.from([id >> 8, id & 0xff, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
  return Buffer.concat([header, ...labels, Buffer.from([0, 0, 1, 0, 1])]);
}

let answers = 0;
let next = 0;
const asked = new Map<number, number>();
const socket = await Bun.udpSocket({
  connect: { hostname: address, port: PORT },
  socket: {
    data: (_socket, data) => {
      const id = data.readUInt16BE(0);
      // An answer without a record is none.
      if (!asked.delete(id) || data.readUInt16BE(6) === 0) return;
      answers++;
      ask();
    },
  },
});

function ask(): void {
  const id = next++ & 0xffff;
  asked.set(id, performance.now());
  socket.send(question(id));
}

for (let i = 0; i < AT_ONCE; i++) ask();
const lost = setInterval(() => {
  const before = performance.now() - PATIENCE_MS;
  for (const [id, at] of asked) {
    if (at > before) continue;
    asked.delete(id);
    ask();
  }
}, PATIENCE_MS);
const started = performance.now();
await Bun.sleep(Number(seconds) * 1000);
clearInterval(lost);
socket.close();
console.log(answers / ((performance.now() - started) / 1000));
