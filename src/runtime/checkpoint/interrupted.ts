/** What a checkpoint leaves that was killed: a directory beside its output, and a container that runs on, or has ended with its images whole. */
import { join } from 'node:path/posix';
import type { Host } from '../../host/host.ts';
import { captureContainers } from '../capture.ts';
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
  const argv = [
    'find',
    directory,
    '-mindepth',
    '3',
    '-maxdepth',
    '3',
    '-path',
    `*/${escaped(name)}.????????/${intentName}`,
    '-print0',
  ] as const;
  const { stdout } = await host.run(argv, { okCodes: [0, 1] }, signal);
  const [found] = stdout
    .toString()
    .split('\0')
    .filter((path) => path !== '')
    .sort();
  if (found === undefined) return undefined;
  const intent = parseIntent(await host.read(found, {}, signal), found);
  return { work: found.slice(0, -intentName.length - 1), intent };
}

/** Characters that `find` would take for patterns. */
function escaped(name: string): string {
  return name.replace(/[[\]*?\\]/g, '\\$&');
}

export async function resumeInterrupted(
  host: Host,
  { work, intent: { container, tcp } }: Interrupted,
  { dryRun }: RestoreOptions,
  signal: AbortSignal,
): Promise<Restored> {
  const { containers } = await captureContainers(host, new Date(), signal, [container.runtime]);
  const runs = containers.some(({ id, state }) => id === container.id && state === 'running');
  const result = { container, interrupted: runs ? ('it ran on' as const) : ('restored' as const) };
  if (dryRun) return result;
  if (!runs) {
    const request = { archive: join(work, 'archive.tar'), work, ...(tcp === undefined ? {} : { tcp }) };
    await lifecycleOf(container.runtime).resume(host, container, request, signal);
  }
  await host.run(['rm', '-rf', '--', work], {}, new AbortController().signal);
  return { ...result, id: container.id };
}
