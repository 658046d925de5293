/** Datagrams to local sockets, which Node cannot send. */
import { addon } from './addon.ts';
import { bytesArgument, textArgument } from './arguments.ts';
import { checked } from './outcome.ts';

/**
 * Sends one datagram to a unix socket and does not wait for a receiver that is busy (`EAGAIN`).
 *
 * @param address a path, or a name in the abstract namespace that begins with `@`
 */
export function sendDatagram(address: string, bytes: Uint8Array): void {
  const text = textArgument('sendDatagram', 'address', address);
  checked(addon().sendDatagram(text, bytesArgument('sendDatagram', 'bytes', bytes)), 'sendto', address);
}
