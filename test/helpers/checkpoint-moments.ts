/** Kills in the middle of a checkpoint or restore, at moments that have names: what CRIU tells of, or a tool that is called. */
import type { Argv } from '../../src/host/host.ts';
import type { CheckpointHost } from './checkpoint-host.ts';

const { signal } = new AbortController();

/** Whom a kill hits: lifeboat, the runtime, and CRIU or the tool that was called. */
export type Victim = 'lifeboat' | 'runtime' | 'criu';

/** CRIU calls it at each notification, and waits for its end. Once, it waits until it is told to go on or CRIU is gone. */
const script = `#!/bin/sh
test "$CRTOOLS_SCRIPT_ACTION" = "$(cat /srv/moment/name)" && mkdir /srv/moment/once 2>/dev/null || exit 0
parent() { cut -d ' ' -f 4 "/proc/$1/stat"; }
p=$PPID
until test "$(cat /proc/$p/comm)" = criu; do p=$(parent $p); done
while test "$(cat /proc/$(parent $p)/comm)" = criu; do p=$(parent $p); done
echo $p >/srv/moment/reached
while test -e /proc/$p && ! test -e /srv/moment/goes-on; do sleep 0.02; done
`;
const settings = '/etc/criu/default.conf';

/** In the place of a tool: where it is called with these words, once, it waits in the same way, and is then what it stands for. */
function waitingTool(tool: string, words: string): string {
  return `#!/bin/sh
case "$*" in ${words}) if mkdir /srv/moment/once 2>/dev/null; then
  echo $$ >/srv/moment/reached
  until test -e /srv/moment/goes-on; do sleep 0.02; done
fi ;; esac
exec "$(PATH=/usr/sbin:/usr/bin command -v ${tool})" "$@"
`;
}

/** A notification of CRIU, such as `network-lock`; or a tool, and a pattern of the shell for what it is called with. */
export type Moment = { readonly notification: string } | { readonly tool: string; readonly words: string };

/**
 * Runs lifeboat and kills at a moment.
 *
 * @param victims who is killed; the others go on to their end, which is waited for
 * @throws Error where that moment never came
 * @returns what lifeboat said, where it was not killed
 */
export async function killedAt(
  host: CheckpointHost,
  moment: Moment,
  victims: readonly Victim[],
  args: readonly string[],
): Promise<string> {
  const run = async (script: string, ...rest: readonly string[]): Promise<string> => {
    const argv: Argv = ['sh', '-c', script, 'sh', ...rest];
    return (await host.run(argv, { timeoutMs: 60_000 }, signal)).stdout.toString();
  };
  await run(`rm -rf /srv/bin /srv/moment; mkdir -p /srv/bin /srv/moment /etc/criu`);
  if ('tool' in moment) {
    const shim = waitingTool(moment.tool, moment.words);
    await host.write(`/srv/bin/${moment.tool}`, Buffer.from(shim), { mode: 0o755 }, signal);
  } else {
    await host.write('/srv/moment/script', Buffer.from(script), { mode: 0o755 }, signal);
    await host.write('/srv/moment/name', Buffer.from(moment.notification), {}, signal);
    await host.write(settings, Buffer.from('action-script /srv/moment/script\n'), {}, signal);
  }
  const path = 'PATH=/srv/bin:/usr/sbin:/usr/bin';
  const begin = 'echo $$ >/srv/moment/lifeboat; exec "$@"';
  const running = host.tried(['env', path, 'sh', '-c', begin, 'sh', ...host.lifeboatArgv, '--json', ...args]);
  const reached = await host.tried([
    'sh',
    '-c',
    'for i in $(seq 200); do test -s /srv/moment/reached && exit; sleep 0.05; done; exit 1',
  ]);
  if (reached.code !== 0) throw new Error(`${JSON.stringify(moment)} never came: ${(await running).said}`);
  const pidsOf: Readonly<Record<Victim, string>> = {
    lifeboat: 'cat /srv/moment/lifeboat',
    runtime:
      'for p in /proc/[0-9]*; do case "$(cat $p/comm 2>/dev/null)" in runc*|crun|podman) if tr "\\\\0" " " <$p/cmdline | grep -qE " (checkpoint|restore) "; then echo ${p#/proc/}; fi ;; esac; done',
    criu: 'cat /srv/moment/reached',
  };
  for (const victim of ['lifeboat', 'runtime', 'criu'] as const) {
    if (!victims.includes(victim)) continue;
    const pids = (await run(pidsOf[victim])).split('\n').filter((pid) => pid !== '');
    if (pids.length === 0) throw new Error(`there is no ${victim} to be killed at ${JSON.stringify(moment)}`);
    await run('kill -KILL "$@" 2>/dev/null || :', ...pids);
  }
  // Who was not killed goes on to the end, which is waited for: a runtime and a CRIU that are at work are known by their words.
  await run('touch /srv/moment/goes-on');
  const { said } = await running;
  const idle = `${pidsOf.runtime}; for p in /proc/[0-9]*; do if tr "\\0" " " <$p/cmdline 2>/dev/null | grep -q "^criu swrk"; then echo $p; fi; done`;
  await run(`for i in $(seq 200); do test -z "$(${idle})" && exit; sleep 0.1; done; exit 1`);
  await run(`rm -rf /srv/bin /srv/moment ${settings}`);
  return said;
}
