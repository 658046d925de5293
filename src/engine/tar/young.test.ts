/** Writes through a mapping, which need not change a file's times. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { backupJob, place } from '../../../test/conformance/engine.ts';
import type { Host } from '../../host/host.ts';
import { localHost } from '../../host/local.ts';
import { memoryTarget } from '../../target/memory/memory.ts';
import { openEngine } from '../engines.ts';

/** Writes through a mapping, and again when it is told to; says so each time. */
const mapper = `import mmap,sys
f=open(sys.argv[1],'w+b'); f.write(b'...'); f.flush(); m=mmap.mmap(f.fileno(),3)
for text in (b'one',b'TWO'):
  m[:3]=text; print('written',flush=True); sys.stdin.readline()`;

/** For which five seconds have passed. */
function fiveSecondsLater(): Host {
  const host = localHost();
  return {
    ...host,
    async run(argv, options, signal) {
      const result = await host.run(argv, options, signal);
      if (argv[0] !== 'date') return result;
      return { ...result, stdout: Buffer.from(String(Number(result.stdout.toString()) + 5)) };
    },
  };
}

test('a second write through a mapping is in the next point', async ({ signal }) => {
  await using at = await place();
  const source = await at.directory('source');
  const target = memoryTarget('engine', new Map());
  const engine = openEngine('tar');
  const program = spawn('python3', ['-c', mapper, join(source, 'mapped')], { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = once(program, 'close');
  await once(program.stdout, 'data');
  const first = backupJob(target, [source], { host: fiveSecondsLater() });
  const { stored } = await engine.backup(first, signal);
  const written = once(program.stdout, 'data');
  program.stdin.write('\n');
  await written;
  program.stdin.end('\n');
  await ended;
  const next = { ...first, pointId: '20260103T030405Z-abcdef', base: { pointId: first.pointId, stored } };
  const result = await engine.backup(next, signal);
  expect(result.changes?.changed).toBeGreaterThan(0);
  const contents = async (job: typeof first, of: typeof stored): Promise<(string | undefined)[]> =>
    (await Array.fromAsync(engine.entries({ ...job, stored: of }, signal))).flatMap(({ sha256 }) => sha256 ?? []);
  expect(await contents(next, result.stored)).not.toEqual(await contents(first, stored));
});
