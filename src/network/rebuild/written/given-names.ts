/** Names that udev gives to cards by where they are. */
import type { Argv, Host } from '../../../host/host.ts';
import { LifeboatError } from '../../../kernel/errors.ts';
import type { Network } from '../../types.ts';
import { cardsOf } from '../cards.ts';

/** What udev knows of a card, in the order in which its default policy takes one. */
const kinds = ['FROM_DATABASE', 'ONBOARD', 'SLOT', 'PATH'];

/**
 * By the name that a card has here, the one that it gets when a system starts: somebody, and the rescue system is one, may have given it another since.
 * Without those of which udev knows none, and none where there is no udev.
 */
export async function givenNames(
  network: Network,
  host: Host,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, string>> {
  const names = new Map<string, string>();
  for (const { name } of cardsOf(network)) {
    const argv = ['udevadm', 'info', '--query=property', `--path=/sys/class/net/${name}`] as const;
    const stdout = await answer(host, argv, signal);
    if (stdout === undefined) return names;
    const known = new Map(stdout.split('\n').map((line) => split(line)));
    // Debian names these by their address, others by their place: nobody knows which from here.
    if (known.get('ID_BUS') === 'usb') continue;
    const given = kinds.flatMap((kind) => known.get(`ID_NET_NAME_${kind}`) ?? [])[0];
    if (given !== undefined) names.set(name, given);
  }
  return names;
}

function split(line: string): [string, string] {
  const at = line.indexOf('=');
  return [line.slice(0, at), line.slice(at + 1)];
}

/** @returns `undefined` where there is no udev */
async function answer(host: Host, argv: Argv, signal: AbortSignal): Promise<string | undefined> {
  try {
    return (await host.run(argv, { okCodes: [0, 1, 2, 4] }, signal)).stdout.toString();
  } catch (error) {
    if (error instanceof LifeboatError && error.code === 'tool-missing') return undefined;
    throw error;
  }
}
