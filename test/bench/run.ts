/** `npm run bench [-- NAME…]`: each bench pairs lifeboat with a named peer, in turn in one run, and prints the ratios. */
import { cpus, release } from 'node:os';
import { age } from './age.ts';
import { applyPairs } from './apply.ts';
import { capture } from './capture.ts';
import { checkpoints } from './checkpoint.ts';
import { criuDump } from './criu-dump.ts';
import { engineTar, engineTarMemory } from './engine-tar.ts';
import { type Pairing, paired } from './paired.ts';
import { planCosts } from './plan.ts';
import { pointsList } from './points-list.ts';
import { recovery } from './recover.ts';
import { rescueMedia } from './rescue.ts';
import { startup } from './startup.ts';

const benches: Readonly<Record<string, Readonly<Record<string, () => Promise<Pairing>>>>> = {
  startup: { startup },
  'age-encrypt': { 'age-encrypt': () => age('encrypt') },
  'age-decrypt': { 'age-decrypt': () => age('decrypt') },
  capture: { capture },
  'engine-tar': engineTar,
  'engine-tar-memory': {},
  plan: {},
  apply: {},
  rescue: {},
  recover: {},
  'points-list': { 'points-list': pointsList },
  'criu-dump': {},
  checkpoint: {},
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
  if (name === 'plan') planned();
  if (name === 'apply') await applyPairs(3);
  if (name === 'rescue') await rescueMedia();
  if (name === 'recover') await recovery();
  if (name === 'criu-dump') await criuDump();
  if (name === 'checkpoint') await checkpoints();
}

/** No peer makes plans: what one costs, beside what it may. */
function planned(): void {
  const seconds = [...planCosts(11)].sort((a, b) => a - b);
  const [first = 0] = planCosts(1);
  console.log(
    `plan: 40 disks, 200 volumes: ${seconds[5]?.toFixed(3)} s of processor, at most ${Math.max(first, ...seconds).toFixed(3)} s (aimed at 0.5 or less), 12 plans`,
  );
}
