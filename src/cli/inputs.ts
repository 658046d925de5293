import { z } from 'zod';
import { LifeboatError } from '../kernel/errors.ts';
import type { Json } from '../kernel/json.ts';

/** `key=JSON`, as `--input` takes it. @throws LifeboatError `usage` */
export function parseInputs(inputs: readonly string[]): Record<string, Json> {
  return Object.fromEntries(inputs.map(parseInput));
}

function parseInput(text: string): [string, Json] {
  const [, key, value] = /^([A-Za-z]\w*)=(.*)$/s.exec(text) ?? [];
  try {
    if (key !== undefined && value !== undefined) return [key, z.json().parse(JSON.parse(value))];
  } catch (cause) {
    throw new LifeboatError('usage', `the value of --input ${key} is not JSON: ${value}`, {
      hint: `Quote a string for the shell and for JSON: --input '${key}="web1"'.`,
      cause,
    });
  }
  throw new LifeboatError('usage', `not of the form key=JSON: --input ${text}`);
}
