/**
 * A value that must never be printed, and the redaction of text that may hold one.
 *
 * A `Secret` cannot enter a workflow's state: the type of the state refuses it, and its JSON is a placeholder.
 */
import { inspect } from 'node:util';

export const REDACTED = '[redacted]';

const known = new Set<string>();

/** Holds a secret; only {@link Secret.reveal} gives it, and every other way of printing it gives a placeholder. */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
    // A very short value would blank out ordinary text wherever it stands.
    if (value.length >= 4) known.add(value);
  }

  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return REDACTED;
  }

  toJSON(): string {
    return REDACTED;
  }

  [inspect.custom](): string {
    return REDACTED;
  }
}

const urlCredentials = /([a-z][a-z0-9+.-]{0,40}:\/\/[^\s/:@]*):([^\s/]+)@/gi;
const secretKey = /(pass(word|phrase)?|secret|token|credential|private.?key|recovery.?code)$/i;

/** `text` without the secrets that this process has seen and without passwords in URLs. */
export function redactText(text: string): string {
  let result = text.replace(urlCredentials, `$1:${REDACTED}@`);
  for (const value of known) {
    if (result.includes(value)) result = result.replaceAll(value, REDACTED);
  }
  return result;
}

/** A copy of plain data in which secrets by value, and strings under a key that names one, are replaced. */
export function redact(value: unknown): unknown {
  if (typeof value === 'string') return redactText(value);
  if (value instanceof Secret) return REDACTED;
  if (Array.isArray(value)) return value.map(redact);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      key,
      secretKey.test(key) && typeof item === 'string' ? REDACTED : redact(item),
    ]),
  );
}
