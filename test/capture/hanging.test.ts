/** A filesystem that never answers costs a bounded wait and a named gap, never the capture. */
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { endProcess } from '../helpers/child-process.ts';
import { isRoot, lifeboat } from '../helpers/cli.ts';
import { temporaryDirectory } from '../helpers/temporary.ts';

const layoutSchema = z.object({
  components: z.array(z.object({ kind: z.string(), path: z.string().optional(), usedBytes: z.number().optional() })),
  gaps: z.array(z.object({ subject: z.string(), problem: z.string() })),
});

/** The FUSE server and the capture share a mount namespace that ends with them. */
const script = `
python3 "$1" "$2" & server=$!
while ! grep -qF " $2 " /proc/self/mountinfo; do kill -0 $server || exit 1; sleep 0.1; done
shift 2
"$@"; code=$?
kill -9 $server
exit $code
`;

test.skipIf(!isRoot)(
  'a dead FUSE mount (mounting needs root)',
  async () => {
    await using directory = await temporaryDirectory();
    const dead = join(directory.path, 'dead\u001b[31m');
    const file = join(directory.path, 'layout.json');
    mkdirSync(dead);
    const command = [process.execPath, lifeboat, 'layout', 'capture', '--output', file];
    const child = spawn(
      'unshare',
      [
        '--mount',
        '--propagation',
        'private',
        'sh',
        '-c',
        script,
        'sh',
        join(import.meta.dirname, 'dead-fuse.py'),
        dead,
        ...command,
      ],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    try {
      let output = '';
      for await (const line of createInterface({ input: child.stdout })) if (line !== 'mounted') output += `${line}\n`;
      const layout = layoutSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
      expect(layout.gaps).toContainEqual({ subject: dead, problem: expect.stringMatching(/did not (answer|end)/) });
      // It is told, and its name steers no terminal.
      expect(output).toContain('dead\\x1b[31m: ');
      expect(output).not.toContain('\u001b');
      const mounts = layout.components.filter(({ kind }) => kind === 'mount');
      expect(mounts.find(({ path }) => path === dead)).toMatchObject({ kind: 'mount' });
      // The others are not held up.
      expect(mounts.find(({ path }) => path === '/')?.usedBytes).toBeGreaterThan(0);
    } finally {
      await endProcess(child);
    }
  },
  120_000,
);
