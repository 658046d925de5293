import type { Argv } from '../../host/host.ts';

/** A question to, or an order for, the daemon of this host, whatever the environment or a context of the command line names. */
export function dockerCommand(...args: readonly string[]): Argv {
  return ['docker', '--host', 'unix:///run/docker.sock', ...args];
}
