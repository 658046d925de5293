/** Coverage tells the truth: nothing is called covered of which a file is not in the archive. Compared with `tar -t`. */
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { isRoot, lifeboat, makeRepository, sandbox } from '../helpers/cli.ts';

const resultSchema = z.object({
  wrong: z.array(z.unknown()),
  covered: z.number(),
  files: z.number(),
  include: z.array(z.string()),
  exclude: z.array(z.string()),
});

/** Another one looks at other scenes. */
const seed = Number(process.env['SEED'] ?? 1);
const scenes = Array.from({ length: 4 }, (_, index) => seed + index);

test.skipIf(!isRoot).each(scenes)(
  'a random scene of mounts over mounts, binds and subvolumes (mounting needs root; SEED=%i)',
  async (scene) => {
    await using box = await sandbox({ bare: true });
    mkdirSync(dirname(box.config), { recursive: true });
    await makeRepository(box.repository);
    const command = [process.execPath, lifeboat, '--config', box.config, '--state-dir', box.state, '--json', '--quiet'];
    const script = join(import.meta.dirname, 'truth.py');
    const output = execFileSync(
      'unshare',
      [
        '--mount',
        '--propagation',
        'private',
        'python3',
        script,
        box.base,
        `${scene}`,
        box.repository,
        box.config,
        ...command,
      ],
      { encoding: 'utf8', maxBuffer: 1 << 28, env: { PATH: `${process.env['PATH']}:/usr/sbin:/sbin`, HOME: '/' } },
    );
    const result = resultSchema.parse(JSON.parse(output));
    expect(result).toMatchObject({ wrong: [] });
    expect(result.files).toBeGreaterThan(0);
  },
  120_000,
);
