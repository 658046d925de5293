/** The engine `tar`: each point is one archive that `zstd -d | tar -x` can read, and a manifest. Works on any target. */
import type { Engine } from '../engine.ts';
import { backup } from './backup.ts';
import { readManifest } from './manifest-object.ts';
import { recover } from './recover.ts';
import { restore } from './restore.ts';
import { keysOf, parseStored, pointIn } from './stored.ts';
import { verify } from './verify.ts';

export function tarEngine(): Engine {
  return {
    name: 'tar',
    requires: [],
    backup,
    verify,
    restore,
    references: (stored) => parseStored(stored).bases.map(({ pointId }) => pointId),
    async *entries(job, signal) {
      const manifest = await readManifest(job, parseStored(job.stored).manifest, signal);
      yield* manifest.entries();
    },
    async discard(job, signal) {
      for (const sealed of ['age', 'none'] as const) {
        const keys = keysOf(job, sealed);
        await job.target.remove(keys.manifest, signal);
        await job.target.remove(keys.archive, signal);
      }
    },
    async *stored({ target, hostName }, signal) {
      for await (const { key, size, mtimeMs } of target.list(`tar/${hostName}`, signal)) {
        const pointId = pointIn(hostName, key);
        if (pointId !== undefined) yield { pointId, key, size, mtimeMs };
      }
    },
    recover,
  };
}
