/** What the rescue system has logged, for those who want to know afterwards what was done. */
import { join } from 'node:path/posix';
import type { Host } from '../host/host.ts';

/** @returns the directory that was made. @throws LifeboatError `command-failed`, as where nothing can be written */
export async function copyLogs(
  to: string,
  stateDir: string,
  host: Host,
  now: Date,
  signal: AbortSignal,
): Promise<string> {
  const directory = join(to, `rescue-${now.toISOString().replace(/[-:]|\.\d+/g, '')}`);
  await host.run(['mkdir', '-p', '-m', '0700', '--', directory], {}, signal);
  for (const from of ['/var/log/lifeboat', join(stateDir, 'runs'), join(stateDir, 'plans')]) {
    // Nothing was run yet, or no plan carried out.
    const { code } = await host.run(['test', '-d', from], { okCodes: [0, 1] }, signal);
    if (code === 0) await host.run(['cp', '-a', '--', from, directory], { timeoutMs: 300_000 }, signal);
  }
  const { stdout } = await host.run(['dmesg'], {}, signal);
  await host.write(join(directory, 'kernel.log'), stdout, {}, signal);
  await host.run(['sync', '-f', directory], {}, signal);
  return directory;
}
