/** `age-child.ts encrypt|decrypt KEY FILE`: our age, to nowhere. */
import { createReadStream, readFileSync } from 'node:fs';
import { decrypting, encrypting, parseIdentity } from '../../src/age/age.ts';

const [verb, key = '', file = ''] = process.argv.slice(2);
const identity = parseIdentity(readFileSync(key, 'utf8'));
const source = createReadStream(file, { highWaterMark: 512 * 1024 });
const result = verb === 'encrypt' ? encrypting(source, [identity.recipient]) : decrypting(source, [identity]);
let bytes = 0;
for await (const piece of result) bytes += piece.length;
console.log(bytes);
