/** A TPM 2.0 for a virtual machine: a process of swtpm, which keeps what it holds in a directory. */
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import type { Argv } from '../host/host.ts';
import { localHost } from '../host/local.ts';
import { LifeboatError } from '../kernel/errors.ts';
import { limited, sleep } from '../kernel/wait.ts';

/** Disposing ends it; what it holds stays, for the next one on the same directory. */
export interface Tpm extends AsyncDisposable {
  /** For one machine, with whose end it ends. */
  readonly socket: string;
}

const startLimitMs = 60_000;

/**
 * Starts one, whose process dies with ours.
 *
 * @param program the beginning of a command line of swtpm
 * @param directory where its state is; the path of its socket has room for few letters
 * @throws LifeboatError `machine-failed` with what it said
 */
export async function startTpm(program: Argv, directory: string, signal: AbortSignal): Promise<Tpm> {
  const socket = join(directory, 'tpm.sock');
  const plug = new AbortController();
  const where = ['--tpm2', '--tpmstate', `dir=${directory}`, '--ctrl', `type=unixio,path=${socket}`, '--terminate'];
  const running = localHost().stream(
    ['setpriv', '--pdeathsig', 'KILL', ...program, 'socket', ...where],
    { killGraceMs: 5_000 },
    plug.signal,
  );
  const ended = running.finished.then(({ code, stderr }) => {
    if (!plug.signal.aborted && code !== 0)
      throw new LifeboatError('machine-failed', `swtpm ended with exit code ${code}: ${stderr.trim()}`);
  });
  ended.catch(() => undefined);
  const pull = async () => {
    plug.abort(new LifeboatError('interrupted', 'the TPM was switched off'));
    await ended.catch(() => undefined);
  };
  try {
    using limit = limited(signal, startLimitMs, () => new LifeboatError('machine-timeout', 'swtpm does not answer'));
    await Promise.race([ended, thereIs(socket, limit.signal)]);
  } catch (error) {
    await pull();
    throw error;
  }
  return { socket, [Symbol.asyncDispose]: pull };
}

async function thereIs(path: string, signal: AbortSignal): Promise<void> {
  for (;;) {
    const found = await access(path).then(
      () => true,
      () => false,
    );
    if (found) return;
    await sleep(20, signal);
  }
}
