/**
 * The checks that every argument passes before C sees it. Each names the verb and the argument when it throws:
 * LifeboatError `native-call`, a mistake of the caller and not of the user.
 */
import { LifeboatError } from '../kernel/errors.ts';
import { nameToBytes } from '../kernel/text.ts';
import type { Text } from './addon.ts';

/** For the functions that take a directory: names are relative to the working directory. */
export const AT_FDCWD = -100;

export function wrongArgument(verb: string, name: string, rule: string, value: unknown): LifeboatError {
  const shown = typeof value === 'string' ? JSON.stringify(value) : String(value);
  return new LifeboatError('native-call', `${verb}: ${name} must be ${rule}: current value is ${shown}`);
}

/** A name as C takes it. Refuses NUL, which would cut it short, and what no file name decodes to. */
export function textArgument(verb: string, name: string, value: string): Text {
  if (typeof value !== 'string') throw wrongArgument(verb, name, 'a string', value);
  if (value.includes('\0')) throw wrongArgument(verb, name, 'free of NUL', value);
  // Without the escapes of kernel/text.ts nothing may be left that UTF-8 cannot write: it would name another file.
  if (!value.isWellFormed() && !value.replace(/[\udc80-\udcff]/gu, '').isWellFormed()) {
    throw wrongArgument(verb, name, 'text that kernel/text.ts can turn into bytes', value);
  }
  return nameToBytes(`${value}\0`);
}

export function optionalTextArgument(verb: string, name: string, value: string | undefined): Text | null {
  return value === undefined ? null : textArgument(verb, name, value);
}

/** An integer from `min` to `max`, both included. */
export function integerArgument(verb: string, name: string, value: number, min: number, max: number): number {
  if (!Number.isSafeInteger(value) || value < min || value > max) {
    throw wrongArgument(verb, name, `an integer from ${min} to ${max}`, value);
  }
  return value;
}

export function fdArgument(verb: string, value: number): number {
  return integerArgument(verb, 'fd', value, 0, 0x7fffffff);
}

export function dirfdArgument(verb: string, value: number): number {
  return value === AT_FDCWD ? value : integerArgument(verb, 'dirfd', value, 0, 0x7fffffff);
}

/** An offset in a file, in bytes. */
export function offsetArgument(verb: string, value: bigint): bigint {
  if (typeof value !== 'bigint' || value < 0n || value > 0x7fffffffffffffffn) {
    throw wrongArgument(verb, 'offset', 'a bigint from 0 to 2^63-1', value);
  }
  return value;
}

export function bytesArgument(verb: string, name: string, value: Uint8Array): Buffer {
  if (!(value instanceof Uint8Array)) throw wrongArgument(verb, name, 'a Buffer or Uint8Array', value);
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
}
