/** What a checkpoint leaves that was killed: a directory beside its output, and a container that runs on, or has ended with its images whole. */
import { join } from 'node:path/posix';
import type { Host } from '../../host/host.ts';
import { captureContainers } from '../capture.ts';
import { LifeboatError } from '../../kernel/errors.ts';
import { type Intent, intentName, parseIntent } from './document.ts';
import { lifecycleOf } from './verbs.ts';
import type { Restored, RestoreOptions } from './restore.ts';

interface Interrupted {
  readonly work: string;
  readonly intent: Intent;
}

/** Only where the output itself is not there. */
export async function interruptedOf(host: Host, file: string, signal: AbortSignal): Promise<Interrupted | undefined> {
  const there = await host.run(['test', '-e', file], { okCodes: [0, 1] }, signal);
  if (there.code === 0) return undefined;
  const slash = file.lastIndexOf('/');
  const [directory, name] = [file.slice(0, slash) || '/', file.slice(slash + 1)];
  // Root's own, and closed to all others: what is in it runs as root.
  const ours = ['-type', 'd', '-uid', '0', '-perm', '700', '-name', `${escaped(name)}.????????`] as const;
  const argv = ['find', '-P', directory, '-mindepth', '1', '-maxdepth', '1', ...ours, '-print0'] as const;
  const { stdout } = await host.run(argv, { okCodes: [0, 1] }, signal);
  const places = stdout.toString().split('\0').slice(0, -1).sort();
  for (const work of places) {
    const path = join(work, intentName);
    const { code } = await host.run(['test', '-f', path], { okCodes: [0, 1] }, signal);
    if (code === 0) return { work, intent: parseIntent(await host.read(path, {}, signal), path) };
  }
  return undefined;
}

/** Characters that `find` would take for patterns. */
function escaped(name: string): string {
  return name.replace(/[[\]*?\\]/g, '\\$&');
}

/** A runtime or CRIU may be at it still, whose lifeboat was killed. */
async function refuseWhileAtWork(host: Host, work: string, signal: AbortSignal): Promise<void> {
  // As a pattern that is not itself what it looks for.
  const pattern = `[/]${work.slice(1).replace(/[.[\]*^$\\]/g, '\\$&')}`;
  const script = 'grep -lse "$1" /proc/[0-9]*/cmdline || :';
  const { stdout } = await host.run(['sh', '-c', script, 'sh', pattern], {}, signal);
  const [first] = stdout.toString().split('\n');
  if (first === undefined || first === '') return;
  throw new LifeboatError('locked', `somebody is at ${work} still: process ${first.split('/')[2]}`, {
    hint: 'Wait until it has ended, and give the same command again.',
  });
}

export async function resumeInterrupted(
  host: Host,
  { work, intent: { container, tcp } }: Interrupted,
  { dryRun }: RestoreOptions,
  signal: AbortSignal,
): Promise<Restored> {
  await refuseWhileAtWork(host, work, signal);
  const { containers, gaps } = await captureContainers(host, new Date(), signal, [container.runtime]);
  const state = containers.find(({ id }) => id === container.id)?.state;
  const [gap] = gaps;
  if (state === 'paused' || (state === undefined && gap !== undefined)) {
    const why = state === 'paused' ? 'it is frozen' : `nobody knows whether it runs: ${gap?.problem}`;
    throw new LifeboatError('refused', `${container.name} is left as it is: ${why}`, {
      hint: `Nothing was done. Let it run on by its runtime, or end it; then give the same command again. What the checkpoint wrote is in ${work}.`,
    });
  }
  const runs = state === 'running';
  const result = { container, interrupted: runs ? ('it ran on' as const) : ('restored' as const) };
  if (dryRun) return result;
  if (!runs) {
    const request = { archive: join(work, 'archive.tar'), work, ...(tcp === undefined ? {} : { tcp }) };
    await lifecycleOf(container.runtime).resume(host, container, request, signal);
  }
  await host.run(['rm', '-rf', '--', work], {}, new AbortController().signal);
  return { ...result, id: container.id };
}
