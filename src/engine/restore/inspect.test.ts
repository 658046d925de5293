import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { inspect } from './inspect.ts';

const { signal } = new AbortController();

const replacing = `import os,sys
place,other=sys.argv[1]+'/place',sys.argv[1]+'/other'
open(place,'w').close()
print('ready',flush=True)
while True:
  os.symlink('nowhere',other); os.rename(other,place)
  open(other,'w').close(); os.rename(other,place)`;

test('what is replaced while it is looked at is one or the other, or not there', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'lifeboat-inspect-'));
  const process = spawn('python3', ['-c', replacing, directory], { stdio: ['ignore', 'pipe', 'ignore'] });
  const gone = once(process, 'exit');
  onTestFinished(async () => {
    process.kill('SIGKILL');
    await gone;
    rmSync(directory, { recursive: true });
  });
  await once(process.stdout, 'data');
  const seen = new Set<string | undefined>();
  for (let round = 0; round < 20_000; round++) {
    const found = await inspect(directory, 'place', () => true, signal);
    seen.add(found?.entry?.type);
  }
  expect([...seen].filter((type) => type !== undefined).sort()).toEqual(['file', 'symlink']);
});
