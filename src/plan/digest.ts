/** By what a plan is agreed to. */
import { createHash } from 'node:crypto';
import { LifeboatError } from '../kernel/errors.ts';
import { canonicalJson, type Json, jsonCopy } from '../kernel/json.ts';

/** SHA-256 of canonical JSON, 64 bits of it: a person can compare them. */
export function digestOf(value: Json): string {
  return createHash('sha256').update(canonicalJson(value)).digest('hex').slice(0, 16);
}

/** @throws LifeboatError `bug` for what JSON cannot hold */
export function asJson(value: unknown): Json {
  return jsonCopy(value, (place, what) => new LifeboatError('bug', `a plan holds ${what}${place}`));
}
