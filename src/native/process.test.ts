import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { temporaryDirectory } from '../../test/helpers/temporary.ts';

const module = fileURLToPath(new URL('./process.ts', import.meta.url));
const pattern = readFileSync('/proc/sys/kernel/core_pattern', 'utf8').trim();
const isLocal = !/[|/]/.test(pattern);
if (!isLocal) console.warn(`skipped: core files go elsewhere here (${pattern})`);

/** Files that a process leaves behind that crashes, with room for a core file. */
async function leftByCrash(first: string): Promise<readonly string[]> {
  await using directory = await temporaryDirectory();
  const script = `const { forbidDumps } = await import(${JSON.stringify(module)});
    ${first}
    process.kill(process.pid, 'SIGSEGV');
    setTimeout(() => {}, 60_000);`;
  const node = [process.execPath, '--input-type=module', '--eval', script];
  const { signal } = spawnSync('sh', ['-c', 'ulimit -c 4096 && exec "$@"', 'sh', ...node], { cwd: directory.path });
  expect(signal).toBe('SIGSEGV');
  return readdirSync(directory.path);
}

test.skipIf(!isLocal)('a crash leaves a core file, and none after it was forbidden', async () => {
  expect(await leftByCrash('')).toHaveLength(1);
  expect(await leftByCrash('forbidDumps();')).toEqual([]);
});
