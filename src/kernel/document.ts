/** Documents carry the name and version of their format: `lifeboat.layout/1`. Readers refuse newer ones clearly. */
import { LifeboatError } from './errors.ts';
import { printable } from './text.ts';

const MAX_PLACES = 5;

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
  const found = formatOf(document);
  const [name] = format.split('/');
  if (name !== found?.split('/')[0]) {
    throw new LifeboatError(
      'record-damaged',
      `${what} is not a ${name} document: its format is ${JSON.stringify(found ?? null)}`,
    );
  }
  refuseNewer(document, format, what);
  const result = schema.safeParse(document);
  if (result.success) return result.data;
  const places = result.error.issues.slice(0, MAX_PLACES).map(({ path, message }) => `${placeOf(path)}: ${message}`);
  throw new LifeboatError('record-damaged', printable(`${what} is damaged: ${places.join('; ')}`), {
    hint: 'If it was edited by hand, correct the places that are named.',
  });
}

/** @throws LifeboatError `newer-format` for a document of a later version of `format` */
export function refuseNewer(document: unknown, format: string, what: string): void {
  const found = formatOf(document);
  const [name, version] = format.split('/');
  const [foundName, foundVersion] = found?.split('/') ?? [];
  if (name !== foundName || !(Number(foundVersion) > Number(version))) return;
  throw new LifeboatError('newer-format', `${what} has the format ${found}, newer than ${format}`, {
    hint: 'Use the version of lifeboat that wrote it, or a later one.',
  });
}

/** `components[3].sizeBytes` */
function placeOf(path: readonly PropertyKey[]): string {
  if (path.length === 0) return 'document';
  return path
    .map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`))
    .join('')
    .replace(/^\./, '');
}

/** {@link checkDocument} on bytes of JSON. Errors repeat nothing that is in them, for they may hold a secret. */
export function parseDocument<T>(bytes: Uint8Array, schema: Schema<T>, format: string, what: string): T {
  let document: unknown;
  try {
    document = JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch {
    // What the parser says has a piece of the text in it.
    throw new LifeboatError('record-damaged', `${what} is not JSON`);
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
