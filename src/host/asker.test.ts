import { expect, test } from 'vitest';
import { LifeboatError } from '../kernel/errors.ts';
import { asker } from './asker.ts';
import { bounded } from './bounded.ts';
import type { Argv, Host } from './host.ts';
import { recordedHost } from './recorded.ts';
import { parseWaiting } from './waiting.ts';

/** A machine on which everything that names `/dev/dead` is ended by its time limit, and what was asked of it. */
function halfDead(): { host: Host; asked: string[] } {
  const base = recordedHost({ commands: [] });
  const asked: string[] = [];
  const run: Host['run'] = async (argv) => {
    asked.push(argv.join(' '));
    if (argv.some((argument) => argument.endsWith('/dev/dead'))) {
      throw new LifeboatError('command-timeout', `${argv.join(' ')} did not end`);
    }
    return { code: 0, stdout: Buffer.from('said'), stderr: '' };
  };
  return { host: { ...base, run }, asked };
}

const { signal } = new AbortController();
const question = (...argv: Argv) => ({ argv, parse: (text: string) => text, subject: argv.at(-1) ?? '' });

test('a device that did not answer is not asked again; others are', async () => {
  const { host, asked } = halfDead();
  const questions = asker(host, signal);
  const within = bounded(questions);
  expect(await within.ask(question('blkid', '/dev/dead'))).toBeUndefined();
  expect(await within.ask(question('sfdisk', '/dev/dead'))).toBeUndefined();
  expect(await within.ask(question('dd', 'if=/dev/dead'))).toBeUndefined();
  expect(await within.ask(question('sfdisk', '/dev/fine'))).toBe('said');
  expect(asked).toEqual(['blkid /dev/dead', 'sfdisk /dev/fine']);
  expect([...questions.dead]).toEqual(['/dev/dead']);
  expect(questions.gaps).toMatchObject([
    { subject: '/dev/dead', problem: 'blkid /dev/dead did not end', hint: expect.stringContaining('dmesg') },
    { subject: '/dev/dead', problem: 'not asked: /dev/dead did not answer before' },
    { subject: 'if=/dev/dead', problem: 'not asked: /dev/dead did not answer before' },
  ]);
});

test('of several devices nobody knows which is dead, and what reads others too says nothing of its own', async () => {
  const { host } = halfDead();
  const questions = asker(host, signal);
  expect(await questions.ask({ ...question('blkid', '/dev/fine', '/dev/dead'), again: true })).toBeUndefined();
  expect(await questions.ask({ ...question('btrfs', 'filesystem', 'show', '/dev/dead'), wide: true })).toBeUndefined();
  expect(questions.didNotAnswer(['blkid', '/dev/fine', '/dev/dead'])).toBe(true);
  expect(questions.didNotAnswer(['blkid', '/dev/fine'])).toBe(false);
  expect([...questions.dead]).toEqual([]);
  expect(questions.gaps).toHaveLength(1);
});

test('what an earlier capture left waiting is not asked again, unless it keeps away from what is dead', async () => {
  const { host, asked } = halfDead();
  const waiting = parseWaiting(
    ' Ds   431 blkid -p /dev/old\nD       12 [pvs]\nDs       3 blkid /dev/busy\nSs   999 dd if=/dev/x\nD 20 [btrfs]\n',
  );
  expect([...waiting]).toEqual(['blkid -p /dev/old', '[pvs]', '[btrfs]']);
  const questions = asker(host, signal, waiting);
  expect(await questions.ask(question('blkid', '-p', '/dev/old'))).toBeUndefined();
  expect(await questions.ask(question('sfdisk', '/dev/old'))).toBeUndefined();
  expect(await questions.ask(question('pvs', '--readonly'))).toBeUndefined();
  expect(await questions.ask({ ...question('pvs', '--config', 'x'), around: true })).toBe('said');
  expect(await questions.ask({ ...question('btrfs', 'filesystem', 'show', '/dev/fine'), wide: true })).toBeUndefined();
  expect(await questions.ask(question('btrfs', 'inspect', '/dev/fine'))).toBe('said');
  expect(asked).toEqual(['pvs --config x', 'btrfs inspect /dev/fine']);
  expect(questions.gaps[0]?.problem).toBe(
    'not asked: blkid -p /dev/old did not end in an earlier capture, and still waits',
  );
});
