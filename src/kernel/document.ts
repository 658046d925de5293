/** Documents carry the name and version of their format: `lifeboat.layout/1`. Readers refuse newer ones clearly. */
import { LifeboatError } from './errors.ts';

/** What a schema library's schema can do; the kernel itself depends on none. */
export interface Schema<T> {
  safeParse(value: unknown):
    | { readonly success: true; readonly data: T }
    | {
        readonly success: false;
        readonly error: Error & {
          readonly issues: readonly { readonly path: readonly PropertyKey[]; readonly message: string }[];
        };
      };
}

/**
 * Checks a document.
 *
 * @param what names it in errors
 * @throws LifeboatError `newer-format` for a later version of it, `record-damaged` for anything else that it is not
 */
export function checkDocument<T>(document: unknown, schema: Schema<T>, format: string, what: string): T {
  const result = schema.safeParse(document);
  const found = formatOf(document);
  const [name, version] = format.split('/');
  const [foundName, foundVersion] = found?.split('/') ?? [];
  if (name === foundName && Number(foundVersion) > Number(version)) {
    throw new LifeboatError('newer-format', `${what} has the format ${found}, newer than ${format}`, {
      hint: 'Install a newer lifeboat.',
    });
  }
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const place = issue?.path.map(String).join('.') ?? '';
  throw new LifeboatError('record-damaged', `${what}: ${place} ${issue?.message ?? 'is wrong'}`, {
    cause: result.error,
  });
}

/** {@link checkDocument} on bytes of JSON. */
export function parseDocument<T>(bytes: Uint8Array, schema: Schema<T>, format: string, what: string): T {
  let document: unknown;
  try {
    document = JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch (cause) {
    throw new LifeboatError('record-damaged', `${what} is not JSON`, { cause });
  }
  return checkDocument(document, schema, format, what);
}

function formatOf(document: unknown): string | undefined {
  return typeof document === 'object' &&
    document !== null &&
    'format' in document &&
    typeof document.format === 'string'
    ? document.format
    : undefined;
}
