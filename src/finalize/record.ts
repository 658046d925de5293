/** Which files were changed on purpose, kept in the restored system: who goes on after a power cut still knows it. */
import { z } from 'zod';
import type { Host } from '../host/host.ts';
import { LifeboatError } from '../kernel/errors.ts';

export const recordPath = '/var/lib/lifeboat/finalized.json';

const recordSchema = z.object({ changed: z.array(z.string()) });

export async function earlierChanges(inside: Host, signal: AbortSignal): Promise<readonly string[]> {
  try {
    const parsed: unknown = JSON.parse((await inside.read(recordPath, {}, signal)).toString('utf8'));
    return recordSchema.parse(parsed).changed;
  } catch (error) {
    // A record that was cut off by a power cut was written before anything was changed.
    if (error instanceof SyntaxError || error instanceof z.ZodError) return [];
    if (error instanceof LifeboatError && error.code === 'not-found') return [];
    throw error;
  }
}

export async function recordChanges(inside: Host, changed: readonly string[], signal: AbortSignal): Promise<void> {
  await inside.run(['mkdir', '-p', '-m', '700', '/var/lib/lifeboat'], {}, signal);
  await inside.write(recordPath, Buffer.from(`${JSON.stringify({ changed })}\n`), {}, signal);
}
