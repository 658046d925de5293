/** What the scheduler stands on, out of a session of the command line. */
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { Config } from '../config/schema.ts';
import { redactText } from '../kernel/secret.ts';
import { printable } from '../kernel/text.ts';
import { keyName } from '../steps/prepare.ts';
import type { Telling, Watch } from '../schedule/telling.ts';
import type { Session } from './session.ts';

export function watchOf(config: Config, session: Session, say: (text: string) => void): Watch {
  return { ...tellingOf(config, session, say), config };
}

/** @param config as much of it as can be used */
export function tellingOf(
  config: Pick<Config, 'host' | 'notify'>,
  { globals, host, context }: Session,
  say: (text: string) => void,
): Telling {
  return {
    self: { host, config: globals.config, stateDir: context.stateDir },
    now: () => Date.now(),
    say,
    config,
    hostName: config.host ?? keyName(hostname()),
    channels: { host, secrets: context.secrets, hooksDir: context.hooksDir ?? join(globals.config, '..', 'hooks.d') },
  };
}

/** A line for the log of a service: the journal of systemd adds time and name. */
export function sayLine(text: string): void {
  process.stderr.write(`${redactText(printable(text.replaceAll('\n', '; ')))}\n`);
}
