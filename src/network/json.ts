/** What `ip -j` and `bridge -j` print, as JSON. */

// Names of links are bytes: before iproute2 6.x a control character in one reached the JSON as it is, and up to 5.x an
// apostrophe was written as \', which is not JSON.
// oxlint-disable-next-line no-control-regex -- these are meant
const raw = /\\(.)|[\u0000-\u0008\u000b\u000c\u000e-\u001f]/gsu;

/**
 * Parses the JSON of iproute2, also where an old version prints nothing for an empty list or writes what is not quite JSON.
 *
 * @throws SyntaxError for anything else
 */
export function parseIpJson(stdout: string): unknown {
  const text = stdout.trim();
  if (text === '') return [];
  try {
    return JSON.parse(text);
  } catch {
    return JSON.parse(
      text.replace(raw, (found, escaped?: string) => {
        if (escaped === "'") return "'";
        return escaped === undefined ? `\\u${found.charCodeAt(0).toString(16).padStart(4, '0')}` : found;
      }),
    );
  }
}
