/** Command lines and settings as they may stand in a document: without passwords. */
import { REDACTED, redactText } from './secret.ts';
import { type Form, forms, printed, readsSecret, secretName, shapes } from './redact-forms.ts';

/** What is longer is no command line that cron or a kernel would take; it bounds what the patterns cost. */
const longest = 4096;

type Range = readonly [from: number, to: number];

/** How a shell reads a line: of each character, the quotes around it and where its command begins. */
interface Shell {
  readonly text: string;
  /** Of each character the position of the quote that it is in, or -1. */
  readonly quotedFrom: readonly number[];
  readonly commandFrom: readonly number[];
}

function shell(text: string): Shell {
  const quotedFrom: number[] = [];
  const commandFrom: number[] = [];
  let quote = -1;
  let command = 0;
  for (let at = 0; at < text.length; at++) {
    const char = text[at] ?? '';
    quotedFrom.push(quote);
    commandFrom.push(command);
    if (char === '\\' && text[quote] !== "'" && at + 1 < text.length) {
      at += 1;
      quotedFrom.push(quote);
      commandFrom.push(command);
    } else if (quote >= 0) {
      if (char === text[quote]) quote = -1;
    } else if (char === '"' || char === "'") {
      quote = at;
    } else if (/[;|\n]/.test(char) || (char === '&' && !/[<>]/.test(`${text[at - 1]}${text[at + 1]}`))) {
      // "2>&1" begins nothing.
      command = at + 1;
    }
  }
  return { text, quotedFrom, commandFrom };
}

/** Where the quote at `quote` ends; the end of the text when it does not. */
function closing(text: string, quote: number): number {
  for (let at = quote + 1; at < text.length; at++) {
    if (text[at] === '\\' && text[quote] === '"') at += 1;
    else if (text[at] === text[quote]) return at;
  }
  return text.length;
}

/** Where ends what stands around `at`: the quotes that it is in, or the line. */
function limitOf({ text, quotedFrom }: Shell, at: number): number {
  const quote = quotedFrom[at] ?? -1;
  return quote < 0 ? text.length : closing(text, quote);
}

/** Where the word ends that begins at `from`: also within quotes, which may hold a command or JSON. */
function wordEnd(line: Shell, from: number): number {
  const { text } = line;
  const limit = limitOf(line, from);
  const escaped = text.startsWith('\\"', from) ? text.indexOf('\\"', from + 2) : -1;
  if (escaped >= 0 && escaped < limit) return escaped + 2;
  let at = from;
  while (at < limit && !/[\s;|&]/.test(text[at] ?? '')) {
    const char = text[at] ?? '';
    if (char === '\\') at += 2;
    else if (char === '"' || char === "'") {
      const whole = at === from && limit < text.length;
      at = closing(text, at) + 1;
      // Of JSON the value alone; without a shell between them, no word goes on after a comma.
      if (whole && /[,}\]]/.test(text[at] ?? '')) break;
    } else if (text.startsWith('$(', at)) at = endAfter(text, ')', at);
    else if (char === '`') at = endAfter(text, '`', at);
    else at += 1;
  }
  return Math.min(at, limit);
}

function endAfter(text: string, end: string, from: number): number {
  const found = text.indexOf(end, from + 1);
  return found < 0 ? text.length : found + 1;
}

function found(line: Shell, { before, of, notOf, toQuote, harmless, only }: Form): Range[] {
  const { text, quotedFrom, commandFrom } = line;
  if (of?.test(text) === false) return [];
  return [...text.matchAll(before)].flatMap((match): Range[] => {
    const from = match.index + match[0].length;
    if (from >= text.length) return [];
    const command = text.slice(commandFrom[match.index], from);
    if (of?.test(command) === false || notOf?.test(command) === true) return [];
    const quoted = (quotedFrom[from] ?? -1) >= 0;
    const to = toQuote === true && quoted ? limitOf(line, from) : wordEnd(line, from);
    const value = text.slice(from, to);
    if (/^(?:""|'')?$/.test(value) || harmless?.test(value) === true || only?.test(value) === false) return [];
    return [[from, to]];
  });
}

/** `echo x | sudo -S …`: all that is printed. */
function printedSecrets(line: Shell): Range[] {
  const { text } = line;
  return [...text.matchAll(printed)].flatMap((match): Range[] => {
    const from = match.index + match[0].length;
    const limit = limitOf(line, from);
    let to = from;
    while (to < limit && !/[;|&]/.test(text[to] ?? '')) to = /\s/.test(text[to] ?? '') ? to + 1 : wordEnd(line, to);
    const [, reader] = /^\|(?!\|)([^;|]*)/.exec(text.slice(to, limit)) ?? [];
    const end = from + text.slice(from, to).trimEnd().length;
    return reader !== undefined && readsSecret.test(reader) && end > from ? [[from, end]] : [];
  });
}

/** `line` without what looks like a password. Other arguments stay: they say what the command does. */
export function redactCommand(line: string): string {
  const start = line.length > longest ? `${line.slice(0, longest)}…` : line;
  const text = redactText(start);
  const read = shell(text);
  const ranges: Range[] = [
    ...forms.flatMap((form) => found(read, form)),
    ...printedSecrets(read),
    ...[...text.matchAll(shapes)].map(({ 0: shape, index }): Range => [index, index + shape.length]),
  ].sort(([a, aEnd], [b, bEnd]) => a - b || bEnd - aEnd);
  let result = '';
  let at = 0;
  for (const [from, to] of ranges) {
    if (from >= at) result += `${text.slice(at, from)}${REDACTED}`;
    at = Math.max(at, to);
  }
  return result + text.slice(at);
}

const wholeName = new RegExp(`^${secretName}$`, 'i');

/** A value under a name that says whether it is a secret. */
export function redactSetting(key: string, text: string): string {
  return wholeName.test(key) && text !== '' ? REDACTED : redactCommand(text);
}
