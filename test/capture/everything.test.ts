/** Nothing that exists on the host is missing from the table of coverage: random mounts and loop filesystems all appear. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { isRoot, lifeboat, sandbox } from '../helpers/cli.ts';

const thereSchema = z.object({
  mounts: z.array(z.string()),
  images: z.array(z.string()),
  skipped: z.array(z.string()),
});
const tableSchema = z.object({
  items: z.array(z.object({ subject: z.string(), kind: z.string(), state: z.string(), reason: z.string() })),
});

/** Another one looks at other scenes. */
const seed = Number(process.env['SEED'] ?? 1);

test.skipIf(!isRoot)(
  `random mounts and loop devices are all in points coverage (mounting needs root; SEED=${seed})`,
  async () => {
    await using box = await sandbox();
    await box.ask('backup');
    const output = execFileSync(
      'unshare',
      [
        '--mount',
        '--propagation',
        'private',
        'python3',
        join(import.meta.dirname, 'everything.py'),
        box.base,
        `${seed}`,
      ].concat(
        [process.execPath, lifeboat, '--config', box.config, '--state-dir', box.state, '--json', '--quiet'],
        ['points', 'coverage'],
      ),
      { encoding: 'utf8', maxBuffer: 1 << 28, env: { PATH: process.env['PATH'], HOME: '/' } },
    );
    const end = output.indexOf('\n');
    const there = thereSchema.parse(JSON.parse(output.slice(0, end)));
    const { items } = tableSchema.parse(JSON.parse(output.slice(end)));
    expect(there.skipped).toEqual([]);
    const unescaped = there.mounts.map((path) =>
      path.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8))),
    );
    const mounts = items.filter(({ kind }) => kind === 'mount').map(({ subject }) => subject);
    expect(mounts.toSorted()).toEqual(unescaped.toSorted());
    const subjects = new Set(items.map(({ subject }) => subject));
    for (const image of there.images) expect(subjects).toContain(image);
    for (const { reason } of items) expect(reason).not.toBe('');
    // What was mounted after the point was made cannot be in it.
    const late = items.filter(({ kind, subject }) => kind === 'mount' && subject.startsWith(`${box.base}/`));
    expect(late.length).toBeGreaterThanOrEqual(15);
    expect(late.filter(({ state }) => state === 'covered')).toEqual([]);
  },
  120_000,
);
