/** Command lines and settings as they may stand in a document: without passwords. */
import { REDACTED, redactText } from '../kernel/secret.ts';

/** What is longer is no command line that cron or a kernel would take; it bounds what the patterns cost. */
const longest = 4096;

/** Not what only says where a secret is: `--password-file`. */
const elsewhere = String.raw`(?![\w.-]{0,80}(?:file|path|command|cmd)\b)`;
const secret = String.raw`(?:pass(?:w(?:or)?d|phrase)?|pwd|secret|token|credentials?|api[_-]?key|private[_-]?key|access[_-]?key)`;
const name = String.raw`${elsewhere}[\w.-]{0,40}?${secret}[\w.-]{0,40}`;
const value = String.raw`(?:"[^"]*"|'[^']*'|[^\s"';|&]+)`;

const patterns: readonly (readonly [RegExp, string])[] = [
  // PASSWORD=x, --password=x, token: x
  [new RegExp(String.raw`((?<![\w.-])${name}\s*[=:]\s*)${value}`, 'gi'), `$1${REDACTED}`],
  // --password x, but not --password --other
  [new RegExp(String.raw`((?<![\w.-])--?${name}\s+)(?!-)${value}`, 'gi'), `$1${REDACTED}`],
  // Authorization: Bearer x
  [/(\b(?:bearer|basic)\s+)[\w.~+/=-]{6,}/gi, `$1${REDACTED}`],
  // curl -u user:x
  [/(\s(?:-u|--user|--proxy-user)[\s=]*["']?[^\s:"']+:)[^\s"']+/g, `$1${REDACTED}`],
  // mysql -px; a space after it would make it ask
  [/(\b(?:mysql\w*|mariadb[\w-]*)\b[^|;&]{0,200}?\s-p)[^\s"'][^\s]*/g, `$1${REDACTED}`],
  [/(\bsshpass\s+-p\s*)\S+/g, `$1${REDACTED}`],
];

/** `line` without what looks like a password. Other arguments stay: they say what the command does. */
export function redactCommand(line: string): string {
  const start = line.length > longest ? `${line.slice(0, longest)}…` : line;
  return patterns.reduce((text, [pattern, replacement]) => text.replace(pattern, replacement), redactText(start));
}

const secretName = new RegExp(`^${name}$`, 'i');

/** A value under a name that says whether it is a secret. */
export function redactSetting(key: string, text: string): string {
  return secretName.test(key) && text !== '' ? REDACTED : redactCommand(text);
}
