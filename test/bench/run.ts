/** `npm run bench [-- NAME…]`: each bench pairs lifeboat with a named peer, in turn in one run, and prints the ratios. */
import { cpus, release } from 'node:os';
import { age } from './age.ts';
import { capture } from './capture.ts';
import { engineTar, engineTarMemory } from './engine-tar.ts';
import { type Pairing, paired } from './paired.ts';
import { pointsList } from './points-list.ts';
import { startup } from './startup.ts';

const benches: Readonly<Record<string, Readonly<Record<string, () => Promise<Pairing>>>>> = {
  startup: { startup },
  'age-encrypt': { 'age-encrypt': () => age('encrypt') },
  'age-decrypt': { 'age-decrypt': () => age('decrypt') },
  capture: { capture },
  'engine-tar': engineTar,
  'engine-tar-memory': {},
  'points-list': { 'points-list': pointsList },
};

const [cpu] = cpus();
console.log(
  `${new Date().toISOString().slice(0, 10)}, ${cpu?.model ?? 'unknown'}, ${cpus().length} cores, Linux ${release()}`,
);
const names = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(benches);
for (const name of names) {
  const bench = benches[name];
  if (!bench) throw new Error(`no bench ${name}; there are: ${Object.keys(benches).join(', ')}`);
  for (const [title, make] of Object.entries(bench)) await paired(title, await make());
  if (name === 'engine-tar-memory') engineTarMemory();
}
