/** Names of links in files of configuration: whole words, and the names of VLANs and labels made of them. */

/** New names by old ones; all are replaced at once, as two may have exchanged theirs. */
export type Names = ReadonlyMap<string, string>;

const escaped = (name: string): string => name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

/** A person reads these and no program goes by them: the label of a connection is no link. */
const label = /^\s*(?:id|ssid|description|NAME|DESCRIPTION)\s*=/;
const comment = /^\s*[#;]/;

/** What replaces names in a line that is no comment. */
export function renamer(names: Names): (line: string) => string {
  if (names.size === 0) return (line) => line;
  const any = [...names.keys()]
    .toSorted((one, other) => other.length - one.length)
    .map(escaped)
    .join('|');
  const patterns = [
    // A word of its own, not part of a path; `name.100` is a VLAN on it, and `name:1` a label of an address.
    new RegExp(String.raw`(?<![\w./-])(${any})(?=[.:@]\d|(?![\w.:@-])|[:.@](?!\w))`, 'g'),
    // In settings of the kernel and below /sys.
    new RegExp(String.raw`(?<=(?:\bconf|\bneigh)[./]|/net/)(${any})(?=[./]|(?![\w-]))`, 'g'),
  ];
  return (line) => {
    if (comment.test(line) || label.test(line)) return line;
    return patterns.reduce((text, pattern) => text.replace(pattern, (name) => names.get(name) ?? name), line);
  };
}

/** Files that are called after a link. */
const namedFile =
  /^(\/etc\/sysconfig\/network(?:-scripts)?\/(?:ifcfg|route6?|rule6?|keys|ifroute|ifrule)-|\/etc\/wpa_supplicant\/wpa_supplicant(?:-\w+)?-)(.+?)((?:\.\d+|:\d+)?(?:\.conf)?)$/;

/** The path that a file has then. */
export function renamedPath(path: string, names: Names): string {
  const [, before = '', name = '', after = ''] = namedFile.exec(path) ?? [];
  const now = names.get(name);
  return now === undefined ? path : `${before}${now}${after}`;
}

/** Whether a pattern as systemd and NetworkManager have it fits a name; `undefined` for what is no pattern. */
export function fits(pattern: string, name: string): boolean | undefined {
  if (!/[*?[]/.test(pattern)) return undefined;
  const text = pattern
    .replace(/[.+^${}()|\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.')
    .replaceAll('[!', '[^');
  try {
    return new RegExp(`^${text}$`).test(name);
  } catch {
    return undefined;
  }
}
