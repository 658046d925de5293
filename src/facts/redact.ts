/** Command lines and settings as they may stand in a document: without passwords. */
import { REDACTED, redactText } from '../kernel/secret.ts';

const word = String.raw`[\w.-]*(?:pass(?:w(?:or)?d|phrase)?|pwd|secret|token|credentials?|api[_-]?key|private[_-]?key|access[_-]?key)[\w.-]*`;
const value = String.raw`(?:"[^"]*"|'[^']*'|[^\s"';|&]+)`;

const patterns: readonly (readonly [RegExp, string])[] = [
  // PASSWORD=x, --password=x, token: x
  [new RegExp(`(${word}\\s*[=:]\\s*)${value}`, 'gi'), `$1${REDACTED}`],
  // --password x, but not --password --other
  [new RegExp(`(--?${word}\\s+)(?!-)${value}`, 'gi'), `$1${REDACTED}`],
  // Authorization: Bearer x
  [/(\b(?:bearer|basic)\s+)[\w.~+/=-]{6,}/gi, `$1${REDACTED}`],
  // curl -u user:x
  [/(\s(?:-u|--user|--proxy-user)[\s=]*["']?[^\s:"']+:)[^\s"']+/g, `$1${REDACTED}`],
  // mysql -px; a space after it would make it ask
  [/(\b(?:mysql\w*|mariadb[\w-]*)\b[^|;&]*?\s-p)[^\s"'][^\s]*/g, `$1${REDACTED}`],
  [/(\bsshpass\s+-p\s*)\S+/g, `$1${REDACTED}`],
];

/** `line` without what looks like a password. Other arguments stay: they say what the command does. */
export function redactCommand(line: string): string {
  return patterns.reduce((text, [pattern, replacement]) => text.replace(pattern, replacement), redactText(line));
}

const secretName = new RegExp(`^${word}$`, 'i');

/** A value under a name that says whether it is a secret. */
export function redactSetting(name: string, text: string): string {
  return secretName.test(name) && text !== '' ? REDACTED : redactCommand(text);
}
