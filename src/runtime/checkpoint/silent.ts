/** Commands that leave a container behind: it has open what they had, so that nothing of ours may be among it. */
import { anyCode } from '../../host/any-code.ts';
import { commandText } from '../../host/child.ts';
import type { Argv, Host, RunOptions } from '../../host/host.ts';
import { LifeboatError } from '../../kernel/errors.ts';
import { readLog } from './explained.ts';

const script = 'out=$1; shift; exec "$@" </dev/null >"$out" 2>&1';

export interface Said {
  /** Gets what the command prints. @default nobody does, for a container that would have it open could not be dumped */
  readonly output?: string;
  /** Where it writes its errors. @default `output` */
  readonly log?: string;
}

/** @throws LifeboatError `command-failed` with the end of what it said, `command-timeout`, `interrupted` */
export async function runSilently(
  host: Host,
  argv: Argv,
  { output = '/dev/null', log = output }: Said,
  options: RunOptions,
  signal: AbortSignal,
): Promise<void> {
  const all: Argv = ['sh', '-c', script, 'sh', output, ...argv];
  const { code } = await host.run(all, { ...options, okCodes: anyCode }, signal);
  if (code === 0) return;
  const said = log === '/dev/null' ? '' : (await readLog(host, log)).trim().split('\n').slice(-5).join('\n  ');
  throw new LifeboatError('command-failed', `${commandText(argv)} failed with exit code ${code}:\n  ${said}`);
}
