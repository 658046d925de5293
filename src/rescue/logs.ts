/** What the rescue system has logged, for those who want to know afterwards what was done. */
import { join } from 'node:path/posix';
import type { Host } from '../host/host.ts';
import { nameFromBytes } from '../kernel/text.ts';

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
  for (const from of await placesOf(stateDir, host, signal)) {
    await host.run(['cp', '-a', '--', from, directory], { timeoutMs: 300_000 }, signal);
  }
  const { stdout } = await host.run(['dmesg'], {}, signal);
  await host.write(join(directory, 'kernel.log'), stdout, {}, signal);
  await host.run(['sync', '-f', directory], {}, signal);
  return directory;
}

/** A repository is no place for gigabytes of them. */
const endBytes = 1024 ** 2;

export interface LogFile {
  readonly name: string;
  /** Its end, where it is long. */
  readonly text: string;
  readonly bytes: number;
}

/** The same as text, for a repository. */
export async function readLogs(stateDir: string, host: Host, signal: AbortSignal): Promise<readonly LogFile[]> {
  const { stdout: kernel } = await host.run(['dmesg'], {}, signal);
  const files: LogFile[] = [logFile('kernel.log', kernel, kernel.length)];
  for (const place of await placesOf(stateDir, host, signal)) {
    const { stdout } = await host.run(['find', place, '-type', 'f', '-size', '+0', '-printf', '%s %p\\0'], {}, signal);
    for (const entry of stdout.toString().split('\0')) {
      const [, size, path] = /^(\d+) (.+)$/s.exec(entry) ?? [];
      if (path === undefined) continue;
      const end = await host.run(['tail', '-c', String(endBytes), '--', path], {}, signal);
      files.push(logFile(path, end.stdout, Number(size)));
    }
  }
  return files;
}

const logFile = (name: string, end: Buffer, bytes: number): LogFile => ({
  name,
  text: nameFromBytes(end.subarray(-endBytes)),
  bytes,
});

/** Where logs are: nothing may have been run yet, or no plan carried out. */
async function placesOf(stateDir: string, host: Host, signal: AbortSignal): Promise<readonly string[]> {
  const places: string[] = [];
  for (const place of ['/var/log/lifeboat', join(stateDir, 'runs'), join(stateDir, 'plans')]) {
    const { code } = await host.run(['test', '-d', place], { okCodes: [0, 1] }, signal);
    if (code === 0) places.push(place);
  }
  return places;
}
