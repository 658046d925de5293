/** This machine as a user without rights sees it. Only commands are run as that user, so the checkout may be root's alone. */
import { readByCommand } from '../../src/host/by-commands.ts';
import type { Host } from '../../src/host/host.ts';

export function asNobody(base: Host): Host {
  const run: Host['run'] = (argv, options, signal) =>
    base.run(['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', ...argv], options, signal);
  return {
    ...base,
    run,
    read: (path, options, signal) => readByCommand({ name: base.name, run }, path, options, signal),
  };
}
