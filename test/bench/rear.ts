/** The peer: Relax-and-Recover of Debian sid, put into a machine that has not got it, with what it calls. */
import { execFileSync } from 'node:child_process';
import type { Host } from '../../src/host/host.ts';
import { output } from '../helpers/child-process.ts';
import { unpackedPackages } from '../lab/packages.ts';

/** Longer than anything takes on a machine that is busy with ten other things. */
const limits = { timeoutMs: 30 * 60_000 };

export interface RearOptions {
  /** Of `local.conf`. */
  readonly settings: string;
  /** Packages of Debian 12 with programs that it calls; nothing that is there is replaced. */
  readonly tools: readonly string[];
}

/** @returns its version, as Debian has it */
export async function addRear(host: Host, { settings, tools }: RearOptions, signal: AbortSignal): Promise<string> {
  const rear = await unpackedPackages('sid', ['rear']);
  const extract = ['tar', '-C', '/', '--keep-directory-symlink', '--skip-old-files', '-xf', '-'] as const;
  for (const [tree, ...names] of [
    [rear, 'usr/sbin/rear', 'usr/share/rear', 'etc/rear'],
    [await unpackedPackages('bookworm', tools), 'usr'],
  ] as const) {
    const stdin = execFileSync('tar', ['-C', tree, '-cf', '-', ...names], { maxBuffer: 1 << 29 });
    await host.run(extract, { ...limits, stdin }, signal);
  }
  await host.write('/etc/rear/local.conf', Buffer.from(settings), {}, signal);
  return (await output('grep', '^rear=', `${rear}/PACKAGES`)).trim();
}
