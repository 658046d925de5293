/**
 * Stores version after version of one object, and new objects beside it, until it is killed. Tells on stdout each
 * version that is acknowledged. Arguments: the root of a file target, a seed.
 */
import { createHash } from 'node:crypto';
import { openFileTarget } from '../../src/target/file/file.ts';

const [root = '', seed = '1'] = process.argv.slice(2);
const signal = new AbortController().signal;
const target = await openFileTarget(root, {}, signal);
let state = Number(seed);
// Should the test that started it end early, it must not fill the disk.
setTimeout(() => process.exit(3), 20_000);

/** A version: its number, the digest of what follows, then up to 1 MiB. */
function version(number: number): Buffer {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  const rest = Buffer.alloc(state % 1_000_000, number);
  const head = Buffer.alloc(4);
  head.writeUInt32BE(number);
  return Buffer.concat([head, createHash('sha256').update(rest).digest(), rest]);
}

async function* inChunks(bytes: Buffer): AsyncIterable<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 65_536) yield bytes.subarray(at, at + 65_536);
}

for (let number = 1; ; number += 1) {
  await target.put('dir/replaced', inChunks(version(number)), {}, signal);
  await target.put(`dir/${seed}/${number}`, inChunks(version(number)), { ifAbsent: true }, signal);
  process.stdout.write(`${number}\n`);
}
