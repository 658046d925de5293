import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { LifeboatError } from '../kernel/errors.ts';
import { Secret } from '../kernel/secret.ts';
import { parseRecoveryCode } from '../keys/recovery-code.ts';
import { RECOVERY_CODE } from '../steps/keys.ts';
import type { Globals } from './globals.ts';
import { holdSecret, secretsOf } from './secrets.ts';

/**
 * The recovery code, as it was given, or else typed at the terminal, where it is not shown. It is held for the rest of
 * the command.
 *
 * @returns `undefined` where nobody gave one and nobody can be asked
 */
export async function recoveryCode(globals: Globals, signal: AbortSignal): Promise<Secret | undefined> {
  const given = secretsOf(globals).get(RECOVERY_CODE);
  if (given !== undefined || globals.json || !process.stdin.isTTY) return given;
  for (;;) {
    const typed = await askHidden('Recovery code (it is not shown): ', signal);
    try {
      parseRecoveryCode(typed.reveal());
      holdSecret(RECOVERY_CODE, typed);
      return typed;
    } catch (error) {
      if (!(error instanceof LifeboatError && error.code === 'usage')) throw error;
      process.stderr.write(`${error.message}. ${error.hint}\n`);
    }
  }
}

/** What is typed is not shown. @throws LifeboatError `interrupted` */
export async function askHidden(text: string, signal: AbortSignal): Promise<Secret> {
  // What readline would echo goes nowhere; `terminal` keeps the terminal itself from echoing.
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  using prompt = createInterface({ input: process.stdin, output: nowhere, terminal: true });
  process.stderr.write(text);
  try {
    return new Secret(await prompt.question('', { signal }));
  } catch (cause) {
    throw new LifeboatError('interrupted', 'interrupted at a question', { cause });
  } finally {
    process.stderr.write('\n');
  }
}
