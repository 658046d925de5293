import { createInterface } from 'node:readline/promises';
import { LifeboatError } from '../kernel/errors.ts';
import { printable } from '../kernel/text.ts';
import type { Question } from '../workflow/step.ts';
import type { Globals } from './globals.ts';

/**
 * Asks the person at the terminal.
 *
 * @throws LifeboatError `refused` where nobody can answer: no terminal, or `--json`
 */
export async function ask(question: Question, globals: Pick<Globals, 'json'>, signal: AbortSignal): Promise<string> {
  if (globals.json || !process.stdin.isTTY) {
    throw new LifeboatError('refused', `this needs an answer: ${printable(question.text)}`, {
      hint: 'Run it at a terminal.',
    });
  }
  using prompt = createInterface({ input: process.stdin, output: process.stderr });
  const choices = question.choices ? ` (${question.choices.join('/')})` : '';
  const text = question.text.split('\n').map(printable).join('\n');
  for (;;) {
    const asked = prompt.question(`${text}${choices} `, { signal });
    const answer = (await asked.catch(interrupted)).trim();
    if (!question.choices || question.choices.includes(answer)) return answer;
  }
}

/** Ctrl-C and Ctrl-D at the prompt. */
function interrupted(cause: unknown): never {
  throw new LifeboatError('interrupted', 'interrupted at a question', { cause });
}
