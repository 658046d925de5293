// Asks the workload (workload.c) over one TCP connection and by UDP, without a pause, and checks every answer:
//   node workload-client.mjs PORT SEEN    at SIGUSR1, and at SIGTERM, which ends it, it writes into SEEN what it saw, as JSON
import { createSocket } from 'node:dgram';
import { renameSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';

const port = Number(process.argv[2]);
const everyMs = 5;
/** So long a datagram may take; it was lost then, and the next one is sent. */
const lostMs = 200;

const tcp = { answered: 0, wrong: 0, longestMs: 0 };
const udp = { answered: 0, wrong: 0, lost: 0, longestMs: 0 };

function request(number) {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(number));
  return bytes;
}

function seen(what, since) {
  what.answered++;
  what.longestMs = Math.max(what.longestMs, Math.round(performance.now() - since));
}

const connection = connect(port, '127.0.0.1');
connection.setNoDelay();
connection.on('error', ({ message }) => {
  tcp.error = message;
});
connection.on('close', () => {
  tcp.closed = true;
});
let arrived = Buffer.alloc(0);
let asked = performance.now();
const ask = () => {
  asked = performance.now();
  connection.write(request(tcp.answered));
};
connection.on('connect', ask);
connection.on('data', (data) => {
  arrived = Buffer.concat([arrived, data]);
  if (arrived.length < 16) return;
  const isRight =
    arrived.length === 16 &&
    arrived.readBigUInt64LE(0) === BigInt(tcp.answered) &&
    arrived.readBigUInt64LE(8) === BigInt(tcp.answered + 1);
  if (!isRight) tcp.wrong++;
  arrived = Buffer.alloc(0);
  seen(tcp, asked);
  setTimeout(ask, everyMs);
});

const socket = createSocket('udp4');
let sent = 0;
let count = 0n;
let last = performance.now();
let timer;
const send = () => {
  socket.send(request(++sent), port, '127.0.0.1');
  timer = setTimeout(() => {
    udp.lost++;
    send();
  }, lostMs);
};
socket.on('message', (message) => {
  // An answer to one that was given up comes late, and is none to this one.
  if (message.length === 16 && message.readBigUInt64LE(0) < BigInt(sent)) return;
  const now = message.length === 16 ? message.readBigUInt64LE(8) : 0n;
  if (message.length !== 16 || message.readBigUInt64LE(0) !== BigInt(sent) || now <= count) udp.wrong++;
  count = now;
  clearTimeout(timer);
  seen(udp, last);
  last = performance.now();
  setTimeout(send, everyMs);
});
socket.on('error', () => {
  udp.wrong++;
});
send();

const tell = () => {
  const file = process.argv[3];
  writeFileSync(`${file}.new`, JSON.stringify({ tcp, udp }));
  renameSync(`${file}.new`, file);
};
process.on('SIGUSR1', tell);
process.on('SIGTERM', () => {
  tell();
  process.exit();
});
