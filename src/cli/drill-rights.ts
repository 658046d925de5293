/** What keeps this process from bringing files back as they were, although it is root: the unit that it runs in. */
import { chmod, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hasErrno } from '../kernel/errors.ts';

/** Numbers of linux/capability.h. */
const needed: readonly (readonly [bit: number, name: string])[] = [
  [0, 'CAP_CHOWN'],
  [3, 'CAP_FOWNER'],
  [4, 'CAP_FSETID'],
  [9, 'CAP_LINUX_IMMUTABLE'],
  [27, 'CAP_MKNOD'],
  [31, 'CAP_SETFCAP'],
];

/** @param directory in which something can be tried */
export async function deniedHere(directory: string): Promise<readonly string[]> {
  if (process.geteuid?.() !== 0) return [];
  const denied = await missingCapabilities();
  return (await maySetUserId(directory)) ? denied : [...denied, 'set-user-id files (RestrictSUIDSGID)'];
}

/** What a person makes of it. */
export const deniedText = (denied: readonly string[]): string =>
  `this process may not: ${denied.join(', ')}. Where it runs as the scheduler, "lifeboat schedule install" allows that as soon as schedule.drill.files is true`;

async function missingCapabilities(): Promise<string[]> {
  const status = await readFile('/proc/self/status', 'utf8');
  const effective = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? 'f'.repeat(16)}`);
  return needed.flatMap(([bit, name]) => (((effective >> BigInt(bit)) & 1n) === 1n ? [] : [name]));
}

async function maySetUserId(directory: string): Promise<boolean> {
  const file = join(directory, '.set-user-id');
  try {
    await writeFile(file, '', { mode: 0o600 });
    await chmod(file, 0o4700);
    return true;
  } catch (error) {
    if (hasErrno(error, 'EPERM')) return false;
    throw error;
  } finally {
    await rm(file, { force: true });
  }
}
