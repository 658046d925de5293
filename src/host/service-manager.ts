/** Speaks to the service manager that started this process (systemd), where there is one. */
import { asLifeboatError } from '../kernel/errors.ts';
import { sendDatagram } from '../native/notify.ts';

export interface Manager {
  /** How often it wants a sign of life; `undefined` for never. */
  readonly watchdogMs: number | undefined;
  /** @param state such as `READY=1` or `STATUS=…`; nothing happens where nobody listens */
  tell(state: Readonly<Record<string, string>>): void;
}

/** @param say is told once when the manager cannot be reached */
export function serviceManager(env: NodeJS.ProcessEnv, say: (text: string) => void): Manager {
  const socket = env['NOTIFY_SOCKET'];
  const usec = Number(env['WATCHDOG_USEC']);
  const mine = env['WATCHDOG_PID'] === undefined || Number(env['WATCHDOG_PID']) === process.pid;
  let failed = false;
  return {
    watchdogMs: socket !== undefined && usec > 0 && mine ? usec / 1000 : undefined,
    tell(state) {
      if (socket === undefined || socket === '') return;
      const lines = Object.entries(state).map(([key, value]) => `${key}=${value.replaceAll('\n', ' ')}`);
      try {
        sendDatagram(socket, Buffer.from(lines.join('\n')));
        failed = false;
      } catch (error) {
        // The watchdog will end us if it matters; work is not given up for it.
        if (!failed) say(`the service manager cannot be reached: ${asLifeboatError(error).message}`);
        failed = true;
      }
    },
  };
}
