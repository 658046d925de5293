/** The engine tar on /usr/share and /usr/include, against GNU tar with a compressor, both at level 1 and synced. */
import { randomBytes } from 'node:crypto';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Pairing } from './paired.ts';

const child = join(import.meta.dirname, 'engine-tar-child.mjs');
const trees = ['/usr/share', '/usr/include'];
const packing = `tar -C / -cf - ${trees.map((path) => path.slice(1)).join(' ')}`;

interface Scene extends AsyncDisposable {
  readonly base: string;
  ours(...argv: string[]): Pairing['ours'];
  must(command: readonly [string, ...string[]]): void;
}

function scene(): Scene {
  const base = mkdtempSync(join(tmpdir(), 'lifeboat-bench-'));
  mkdirSync(join(base, 'repository'));
  return {
    base,
    ours: (...argv) => [process.execPath, child, ...argv],
    must([program, ...args]) {
      const { status, stderr } = spawnSync(program, args, { stdio: ['ignore', 'ignore', 'pipe'] });
      if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${stderr.toString()}`);
    },
    [Symbol.asyncDispose]: async () => rmSync(base, { recursive: true, force: true }),
  };
}

const repositoryOf = ({ base }: Scene): string => join(base, 'repository');

function storing(key: string, compressor: string, target: number, rounds: number): () => Promise<Pairing> {
  return async () => {
    const made = scene();
    const out = join(made.base, 'peer');
    return {
      ours: made.ours('store', repositoryOf(made), key, 'full', 'none', ...trees),
      peer: ['sh', '-c', `${packing} | ${compressor} > ${out} && sync ${out}`],
      rounds,
      target,
      [Symbol.asyncDispose]: () => made[Symbol.asyncDispose](),
    };
  };
}

const key = randomBytes(32).toString('hex');

async function restoring(): Promise<Pairing> {
  const made = scene();
  made.must(made.ours('store', repositoryOf(made), 'none', 'full', 'none', ...trees));
  const archive = join(made.base, 'peer.tar.zst');
  made.must(['sh', '-c', `${packing} | zstd -q -1 -T0 -o ${archive}`]);
  const [one, two] = [join(made.base, 'one'), join(made.base, 'two')];
  return {
    ours: made.ours('restore', repositoryOf(made), 'none', 'full', one),
    peer: ['sh', '-c', `mkdir ${two} && zstd -qdc ${archive} | tar -x -p -C ${two}`],
    rounds: 5,
    target: 1.4,
    reset: () => {
      for (const path of [one, two]) rmSync(path, { recursive: true, force: true });
    },
    [Symbol.asyncDispose]: () => made[Symbol.asyncDispose](),
  };
}

/** Of a copy in which one file of a hundred was changed. */
async function second(): Promise<Pairing> {
  const made = scene();
  const tree = join(made.base, 'tree');
  mkdirSync(tree);
  made.must(['cp', '-a', ...trees, tree]);
  // What is younger than two seconds is stored again in any case.
  made.must(['sleep', '3']);
  made.must(made.ours('store', repositoryOf(made), key, 'full', 'none', tree));
  made.must(['sh', '-c', `find ${tree} -type f | awk 'NR % 100 == 0' | tr '\\n' '\\0' | xargs -0 touch`]);
  const out = join(made.base, 'peer');
  return {
    ours: made.ours('store', repositoryOf(made), key, 'second', 'full', tree),
    peer: ['sh', '-c', `tar -C ${tree} -cf - . | zstd -q -1 -T0 > ${out} && sync ${out}`],
    rounds: 5,
    [Symbol.asyncDispose]: () => made[Symbol.asyncDispose](),
  };
}

export const engineTar: Readonly<Record<string, () => Promise<Pairing>>> = {
  'engine-tar store, hashed and encrypted': storing(key, 'zstd -q -1 -T0', 1.5, 5),
  'engine-tar store, hashed': storing('none', 'zstd -q -1 -T0', 1.3, 5),
  'engine-tar store, against gzip': storing(key, 'gzip', 0.15, 1),
  'engine-tar restore': restoring,
  'engine-tar second point, 1 % changed': second,
};

/** Peak memory of storing so much in files that do not compress; the target takes everything and keeps nothing. */
export function engineTarMemory(): void {
  for (const gibibytes of [1, 8]) {
    const base = mkdtempSync(join(tmpdir(), 'lifeboat-bench-'));
    try {
      const block = randomBytes(64 << 20);
      for (let file = 0; file < gibibytes; file++) {
        for (let part = 0; part < 16; part++) writeFileSync(join(base, `${file}`), block, { flag: 'a' });
      }
      const { stdout, status, stderr } = spawnSync(process.execPath, [child, 'memory', key, base], {
        encoding: 'utf8',
      });
      if (status !== 0) throw new Error(stderr);
      console.log(`engine-tar memory: ${gibibytes} GiB of files: peak ${stdout.trim()} MiB`);
    } finally {
      rmSync(base, { recursive: true, force: true });
    }
  }
}
