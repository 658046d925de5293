/** That a machine was recovered, written down in it for those who look there. */
import { basename, dirname, join } from 'node:path/posix';
import { placeIn } from '../host/place-in.ts';
import { makeDirectory, writeFileAtomic } from '../kernel/atomic-write.ts';

const recoveredFormat = 'lifeboat.recovered/1';

interface RecoveredMark {
  readonly point: string;
  readonly host: string;
  /** In ISO 8601. */
  readonly at: string;
  readonly result: 'passed' | 'sampled' | 'failed' | 'unproven';
  /** Digest of the plan. */
  readonly plan: string;
  readonly unattended: boolean;
  /** Id of the medium, where it was started from one. */
  readonly medium?: string;
}

/** In the recovered system. */
export const recoveredFile = '/var/lib/lifeboat/recovered.json';

export async function markRecovered(root: string, mark: RecoveredMark): Promise<void> {
  const directory = await placeIn(root, dirname(recoveredFile));
  await makeDirectory(directory, 0o700);
  await writeFileAtomic(
    join(directory, basename(recoveredFile)),
    `${JSON.stringify({ format: recoveredFormat, ...mark }, null, 2)}\n`,
  );
}
