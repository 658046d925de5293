import type { z } from 'zod';
import { LifeboatError } from '../kernel/errors.ts';

/**
 * Reads a document that carries its format's name (`lifeboat.point/1`).
 *
 * @param what names the document in errors
 * @throws LifeboatError `newer-format` for a later version of it, `record-damaged` for anything else that it is not
 */
export function parseFormat<S extends z.ZodType>(
  bytes: Uint8Array,
  schema: S,
  format: string,
  what: string,
): z.output<S> {
  let document: unknown;
  try {
    document = JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch (cause) {
    throw new LifeboatError('record-damaged', `${what} is not JSON`, { cause });
  }
  const result = schema.safeParse(document);
  if (result.success) return result.data;
  const found = formatOf(document);
  const [name, version] = format.split('/');
  const [foundName, foundVersion] = found?.split('/') ?? [];
  if (name === foundName && Number(foundVersion) > Number(version)) {
    throw new LifeboatError('newer-format', `${what} has the format ${found}, newer than ${format}`, {
      hint: 'Install a newer lifeboat.',
    });
  }
  const issue = result.error.issues[0];
  throw new LifeboatError('record-damaged', `${what}: ${issue?.path.join('.') ?? ''} ${issue?.message ?? 'is wrong'}`, {
    cause: result.error,
  });
}

function formatOf(document: unknown): string | undefined {
  return typeof document === 'object' &&
    document !== null &&
    'format' in document &&
    typeof document.format === 'string'
    ? document.format
    : undefined;
}
