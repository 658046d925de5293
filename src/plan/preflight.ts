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

const search = 'for tool; do command -v -- "$tool" > /dev/null || printf "%s\\n" "$tool"; done';

/** @throws LifeboatError `tool-missing` that names all programs which are not there */
export async function refuseWithoutTools(actions: readonly Action[], host: Host, signal: AbortSignal): Promise<void> {
  const tools = new Set(actions.flatMap(commandsOf).map(({ argv: [program] }) => program));
  const { stdout } = await host.run(['sh', '-c', search, 'sh', 'flock', ...tools], {}, signal);
  const missing = stdout.toString().split('\n').filter(Boolean);
  const [first] = missing;
  if (first === undefined) return;
  const hints = new Set(missing.map(missingToolHint));
  throw new LifeboatError('tool-missing', `no such program: ${missing.join(', ')}`, { hint: [...hints].join(' ') });
}
