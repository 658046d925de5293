/** The trial of a host, with a real CRIU, and with such as do not work. */
import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { chmod, writeFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { preflight } from '../../src/criu/preflight/preflight.ts';
import { criuObstacle, criuRoot } from '../helpers/criu-root.ts';

const obstacle = criuObstacle();
if (obstacle !== undefined) console.warn(`skipped: ${obstacle}`);

/** What a trial must not leave in its directory, or running with it. */
function traces(directory: string): readonly string[] {
  const commands = execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' }).split('\n');
  const running = commands.filter((line) => line.startsWith('/') && line.includes(`${directory}/lifeboat-criu`));
  return [...running, ...readdirSync(directory).filter((name) => name.startsWith('lifeboat-criu'))];
}

describe.skipIf(obstacle !== undefined)('with CRIU', () => {
  test('a host on which it works', async ({ signal }) => {
    await using root = await criuRoot();
    const command = ['env', 'PATH=/tools:/usr/sbin:/usr/bin', 'criu'] as const;
    const { enter, directory } = root;
    const findings = await preflight({ enter, command, directory }, signal);
    const states = Object.fromEntries(findings.map(({ subject, state }) => [subject, state]));
    expect(states, JSON.stringify(findings, null, 1)).toMatchObject({
      version: 'ok',
      cpu: 'ok',
      trial: 'ok',
      tools: 'ok',
    });
    for (const { state, next } of findings) expect(next === undefined, state).toBe(state === 'ok');
    expect(findings.at(-1)?.text).toMatch(/dumped in \d+ ms and restored in \d+ ms/);
    expect(traces(root.directory)).toEqual([]);
  });

  test('a host on which a dump fails says why, and what to do', async ({ signal }) => {
    await using root = await criuRoot();
    // As CRIU 4.1 does on a new kernel: all questions are answered, and no dump succeeds.
    const broken = join(root.directory, 'criu');
    await writeFile(
      broken,
      `#!/usr/bin/python3
import os, socket, sys
if 'swrk' not in sys.argv: os.execvp('criu', ['criu', *sys.argv[1:]])
s = socket.socket(fileno=os.dup(3))
first = s.recv(1 << 16, socket.MSG_PEEK)
if first[:2] not in (b'\\x08\\x01', b'\\x08\\x02'): os.execvp('criu', ['criu', 'swrk', '3'])
message = b"Error (criu/sockets.c:555): sockets: Can't get 1:16 opt: Operation not supported"
s.send(b'\\x08\\x01\\x10\\x00\\x4a' + bytes([len(message)]) + message)
`,
    );
    await chmod(broken, 0o755);
    const findings = await preflight({ enter: root.enter, command: [broken], directory: root.directory }, signal);
    expect(findings.at(-1)).toMatchObject({
      subject: 'trial',
      state: 'missing',
      text: expect.stringContaining('too old for this kernel'),
      next: expect.stringContaining('Install CRIU 4.2 or newer.'),
    });
    expect(traces(root.directory)).toEqual([]);
  });

  test('a CRIU that does not answer', async ({ signal }) => {
    const work = preflight({ enter: [], command: ['sh', '-c', 'sleep 1; exit 3', 'sh'] }, signal);
    await expect(work).rejects.toMatchObject({
      code: 'criu-failed',
      message: expect.stringContaining('exit status 3'),
    });
  });
});

test('without CRIU', async ({ signal }) => {
  const work = preflight({ enter: [], command: ['/nonexistent/criu'] }, signal);
  await expect(work).rejects.toMatchObject({ code: 'tool-missing', hint: expect.stringContaining('CRIU 4.2') });
});
