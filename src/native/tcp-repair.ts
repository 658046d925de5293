/** Connections of another process that CRIU left in the state in which it reads them. */
import { addon } from './addon.ts';
import { fdArgument, integerArgument } from './arguments.ts';
import { checked } from './outcome.ts';

/**
 * Lets a TCP connection send and receive again. Any other descriptor is left as it is.
 *
 * @param fd a descriptor of that process
 * @returns whether it was in that state
 * @throws SystemError `ESRCH`, `EBADF` where the process or the descriptor is gone, `EPERM`
 */
export function endTcpRepair(pid: number, fd: number): boolean {
  const process = integerArgument('endTcpRepair', 'pid', pid, 1, 0x7fffffff);
  return checked(addon().endTcpRepair(process, fdArgument('endTcpRepair', fd)), 'setsockopt') === 1;
}
