import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Pairing } from './paired.ts';

/** A whole `lifeboat backup` of /usr/include (captured, hashed, stored, read back) against `tar | zstd`. */
export async function engineTar(): Promise<Pairing> {
  const base = mkdtempSync(join(tmpdir(), 'lifeboat-bench-'));
  const lifeboat = join(import.meta.dirname, '../../bin/lifeboat.js');
  const options = ['--config', join(base, 'lifeboat.yaml'), '--state-dir', join(base, 'state')];
  const init = ['init', '--repository', `file://${base}/repository`, '--include', '/usr/include', '/usr/share'];
  spawnSync(process.execPath, [lifeboat, ...options, ...init], { stdio: ['ignore', 'ignore', 'inherit'] });
  const out = join(base, 'peer.tar.zst');
  return {
    ours: [process.execPath, lifeboat, ...options, '--quiet', 'backup'],
    peer: ['sh', '-c', `tar -C / -cf - usr/include usr/share | zstd -q -3 -T0 -f -o ${out} && sync ${out}`],
    rounds: 5,
    [Symbol.asyncDispose]: async () => rmSync(base, { recursive: true }),
  };
}
