/** What of a plan was begun and what ended, in a file that outlives whoever carries it out. */
import { mkdir, open, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import { syncDirectory } from '../kernel/atomic-write.ts';
import { explaining, hasErrno, LifeboatError } from '../kernel/errors.ts';
import { lockFile } from '../host/file-lock.ts';
import type { Progress } from './execute.ts';

const lineSchema = z.union([z.strictObject({ begin: z.string() }), z.strictObject({ end: z.string() })]);

/**
 * Lines of JSON, each synced to disk before the plan goes on. A last line that is not whole was never durable.
 *
 * @throws LifeboatError `locked` while somebody else carries the plan out, `journal-damaged` for a file that is none
 */
export async function openProgress(path: string): Promise<Progress & AsyncDisposable> {
  return await explaining(`open ${path}`, async () => {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    await using stack = new AsyncDisposableStack();
    const lock = await lockFile(`${path}.lock`);
    if (lock === undefined) throw new LifeboatError('locked', 'somebody else carries this plan out just now');
    stack.use(lock);
    const { begun, ended, length } = await readProgress(path);
    const file = stack.adopt(await open(path, 'a', 0o600), async (one) => await one.close());
    await file.truncate(length);
    await syncDirectory(dirname(path));
    const write = async (line: z.infer<typeof lineSchema>): Promise<void> => {
      await explaining(`write ${path}`, async () => {
        await file.appendFile(`${JSON.stringify(line)}\n`);
        await file.datasync();
      });
    };
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

async function readProgress(path: string) {
  const begun = new Set<string>();
  const ended = new Set<string>();
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    if (hasErrno(error, 'ENOENT')) return '';
    throw error;
  });
  const whole = text.slice(0, text.lastIndexOf('\n') + 1);
  for (const line of whole.split('\n').slice(0, -1)) {
    const record = parseLine(line, path);
    if ('begin' in record) begun.add(record.begin);
    else ended.add(record.end);
  }
  return { begun, ended, length: Buffer.byteLength(whole) };
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
