/** Who is at a checkpoint or restore, so that whoever comes later knows whether they still are. */
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { isSystemError } from '../../kernel/errors.ts';

export const workerSchema = z.object({
  pid: z.number().int().positive(),
  /** When it was started, as the kernel counts it from its own start. */
  started: z.string(),
  /** Of the kernel: another one has other processes. */
  boot: z.string(),
});

type Worker = z.infer<typeof workerSchema>;

export async function thisProcess(): Promise<Worker> {
  const { pid } = process;
  return { pid, started: (await startOf(pid)) ?? '', boot: await bootId() };
}

export async function isAtWork({ pid, started, boot }: Worker): Promise<boolean> {
  return boot === (await bootId()) && (await startOf(pid)) === started;
}

async function bootId(): Promise<string> {
  return (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim();
}

/** In ticks since the start of the kernel; `undefined` where there is no such process. */
async function startOf(pid: number): Promise<string | undefined> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'latin1');
    // The name between the brackets may hold anything.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    // One that has ended, and that nobody has asked how, is there no more.
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
  } catch (error) {
    if (isSystemError(error)) return undefined;
    throw error;
  }
}
