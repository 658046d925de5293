/** What can be seen to be missing before a plan is begun. */
import { LifeboatError } from '../kernel/errors.ts';
import type { Host } from '../host/host.ts';
import { missingToolHint } from '../host/packages.ts';
import type { Action, Command } from './action.ts';

const commandsOf = ({ commands, again = [] }: Action): readonly Command[] => [...again, ...commands];

/** By what names commands ask for something that only the executor has. */
export function givenNames(actions: readonly Action[]): readonly string[] {
  const names = actions.flatMap(commandsOf).flatMap(({ stdin }) => (typeof stdin === 'object' ? [stdin.given] : []));
  return [...new Set(names)];
}

/** It, what it sets an environment for, and what a script is a stand-in for: that bears its name as `$0`. */
function programsOf({ argv: [program, ...words] }: Command): readonly string[] {
  const rest = words.flatMap((word) => (typeof word === 'string' ? [word] : []));
  const start = program === 'env' ? rest.findIndex((word) => !word.includes('=')) : -1;
  const [shell = program, , , name] = start < 0 ? [program, ...rest] : rest.slice(start);
  return [program, shell, ...((shell === 'sh' || shell === 'bash') && name !== undefined ? [name] : [])];
}

/** All programs that carrying them out calls. */
export const toolsFor = (actions: readonly Action[]): ReadonlySet<string> =>
  new Set(actions.flatMap(commandsOf).flatMap(programsOf));

const search = 'for tool; do command -v -- "$tool" > /dev/null || printf "%s\\n" "$tool"; done';

/** @throws LifeboatError `tool-missing` that names all programs which are not there */
export async function refuseWithoutTools(actions: readonly Action[], host: Host, signal: AbortSignal): Promise<void> {
  const { stdout } = await host.run(['sh', '-c', search, 'sh', 'flock', ...toolsFor(actions)], {}, signal);
  const missing = stdout.toString().split('\n').filter(Boolean);
  const [first] = missing;
  if (first === undefined) return;
  const hints = new Set(missing.map(missingToolHint));
  throw new LifeboatError('tool-missing', `no such program: ${missing.join(', ')}`, { hint: [...hints].join(' ') });
}
