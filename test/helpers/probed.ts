/** The process that `lifeboat doctor` has dumped, as a test needs it: whether it still does its work. */
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { nativeProgram } from '../../src/native/addon.ts';
import { treeOf } from '../../src/criu/processes.ts';
import type { CriuRoot } from './criu-root.ts';

export interface Probed {
  readonly pid: number;
  readonly images: string;
  /** Waits until it has counted on from where it is. */
  counts(): Promise<void>;
  /** How far it has come. */
  count(): Promise<bigint>;
}

let last = 0;

/** @param kind `contained`: with processes and a network of its own, as in a container */
export async function startProbe(root: CriuRoot, kind: 'plain' | 'contained' = 'plain'): Promise<Probed> {
  last += 1;
  const images = join(root.directory, `images-${last}`);
  const counter = join(root.directory, `counter-${last}`);
  await mkdir(images);
  const up = ['dash', '-c', 'ip link set lo up && exec "$@"', 'dash'];
  const apart = kind === 'plain' ? [] : ['unshare', '--pid', '--fork', '--kill-child', '--net', ...up];
  const { pid: started } = await root.start([...apart, nativeProgram('criu-probe'), 'work', counter]);
  const count = async (): Promise<bigint> => {
    const bytes = await readFile(counter).catch(() => Buffer.alloc(0));
    return bytes.length < 8 ? 0n : bytes.readBigUInt64LE(0);
  };
  const counts = async (): Promise<void> => {
    const before = await count();
    const until = Date.now() + 10_000;
    while ((await count()) < before + 3n) {
      if (Date.now() > until) throw new Error(`the process of ${counter} counts no more`);
      await new Promise((done) => setTimeout(done, 5));
    }
  };
  await counts();
  const pid = (await treeOf(started)).at(-1) ?? started;
  return { pid, images, counts, count };
}
