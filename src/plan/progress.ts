/** What of a plan was begun and what ended, in a file that outlives whoever carries it out. */
import { mkdir, open, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import { syncDirectory } from '../kernel/atomic-write.ts';
import { explaining, hasErrno, LifeboatError } from '../kernel/errors.ts';
import { lockFile } from '../host/file-lock.ts';
import type { Progress } from './execute.ts';

const lineSchema = z.union([
  z.strictObject({ begin: z.string() }),
  z.strictObject({ end: z.string() }),
  /** Since when the machine had been running. */
  z.strictObject({ boot: z.string() }),
]);

/**
 * Lines of JSON, each synced to disk before the plan goes on. A last line that is not whole was never durable.
 *
 * @param boot the id of the boot of the machine that the plan is carried out on
 * @throws LifeboatError `locked` while somebody else carries the plan out, `journal-damaged` for a file that is none, `refused` when the
 *   machine was restarted since: what had been started and opened is so no longer
 */
export async function openProgress(path: string, boot: string): Promise<Progress & AsyncDisposable> {
  return await explaining(`open ${path}`, async () => {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    await using stack = new AsyncDisposableStack();
    const lock = await lockFile(`${path}.lock`);
    if (lock === undefined) throw new LifeboatError('locked', 'somebody else carries this plan out just now');
    stack.use(lock);
    const { begun, ended, boots, length } = await readProgress(path);
    if (begun.size > 0 && !boots.has(boot)) {
      throw new LifeboatError('refused', 'the machine was restarted since this plan was begun', {
        hint: 'Make the plan again: the disks that it was building are known by their marks, and what is on them now is looked at anew.',
      });
    }
    const file = stack.adopt(await open(path, 'a', 0o600), async (one) => await one.close());
    await file.truncate(length);
    await syncDirectory(dirname(path));
    const write = async (line: z.infer<typeof lineSchema>): Promise<void> => {
      await explaining(`write ${path}`, async () => {
        await file.appendFile(`${JSON.stringify(line)}\n`);
        await file.datasync();
      });
    };
    if (!boots.has(boot)) await write({ boot });
    const owned = stack.move();
    return {
      begun,
      ended,
      begin: async (id) => await write({ begin: id }),
      end: async (id) => await write({ end: id }),
      [Symbol.asyncDispose]: async () => await owned.disposeAsync(),
    };
  });
}

/** What is on record by now; nothing where there is none. @throws LifeboatError `journal-damaged` */
export async function readProgress(path: string) {
  const begun = new Set<string>();
  const ended = new Set<string>();
  const boots = new Set<string>();
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    if (hasErrno(error, 'ENOENT')) return '';
    throw error;
  });
  const whole = text.slice(0, text.lastIndexOf('\n') + 1);
  for (const line of whole.split('\n').slice(0, -1)) {
    const record = parseLine(line, path);
    if ('begin' in record) begun.add(record.begin);
    else if ('end' in record) ended.add(record.end);
    else boots.add(record.boot);
  }
  return { begun, ended, boots, length: Buffer.byteLength(whole) };
}

function parseLine(line: string, path: string): z.infer<typeof lineSchema> {
  try {
    return lineSchema.parse(JSON.parse(line));
  } catch (cause) {
    throw new LifeboatError('journal-damaged', `${path} does not say what was done of the plan`, {
      hint: 'Remove it and make the plan again: what is on the disks now is seen then.',
      cause,
    });
  }
}
