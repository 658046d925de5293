/** Whether a network fits together: for documents that were edited by hand. */
import { isIPv4, isIPv6 } from 'node:net';
import { LifeboatError } from '../kernel/errors.ts';
import { printable } from '../kernel/text.ts';

interface Addressed {
  readonly address: string;
  readonly prefix: number;
  readonly family: 'inet' | 'inet6';
}

interface Graph {
  readonly links: readonly {
    readonly name: string;
    readonly kind: string;
    readonly master?: string;
    readonly lower?: readonly string[];
    readonly peer?: string;
    readonly detail?: { readonly kind: string };
    readonly addresses: readonly Addressed[];
  }[];
  readonly routes: readonly { readonly family: 'inet' | 'inet6'; readonly destination: string }[];
}

/** @throws LifeboatError `record-damaged`, naming the place */
export function checkNetwork({ links, routes }: Graph): void {
  const names = new Set<string>();
  for (const [index, { name }] of links.entries()) {
    if (names.has(name)) throw damaged(`links[${index}].name`, `two links have the name ${JSON.stringify(name)}`);
    names.add(name);
  }
  for (const [index, link] of links.entries()) {
    const place = `links[${index}]`;
    const edges: (readonly [string, string | undefined])[] = [
      ['master', link.master],
      ['peer', link.peer],
      ...(link.lower ?? []).map((lower, at): [string, string] => [`lower[${at}]`, lower]),
    ];
    for (const [key, to] of edges) {
      if (to !== undefined && !names.has(to)) {
        throw damaged(`${place}.${key}`, `no link has the name ${JSON.stringify(to)}`);
      }
    }
    if (link.detail !== undefined && link.detail.kind !== 'other' && link.detail.kind !== link.kind) {
      throw damaged(`${place}.detail.kind`, `the link is a ${link.kind}, not a ${link.detail.kind}`);
    }
    for (const [at, address] of link.addresses.entries()) checkAddress(`${place}.addresses[${at}]`, address);
  }
  for (const [index, { destination, family }] of routes.entries()) {
    if (destination === 'default') continue;
    const [address = '', prefix] = destination.split('/');
    checkAddress(`routes[${index}].destination`, { address, prefix: Number(prefix ?? bitsOf(family)), family });
  }
}

const bitsOf = (family: 'inet' | 'inet6'): number => (family === 'inet' ? 32 : 128);

function checkAddress(place: string, { address, prefix, family }: Addressed): void {
  const fits = family === 'inet' ? isIPv4(address) : isIPv6(address);
  if (!fits) throw damaged(place, `${JSON.stringify(address)} is not an address of ${family}`);
  // Not "greater than": a prefix that is no number is wrong too.
  if (!(prefix >= 0 && prefix <= bitsOf(family))) {
    throw damaged(place, `a prefix of ${family} has at most ${bitsOf(family)} bits, not ${prefix}`);
  }
}

function damaged(place: string, problem: string): LifeboatError {
  return new LifeboatError('record-damaged', printable(`the network does not fit together: ${place}: ${problem}`), {
    hint: 'If it was edited by hand, correct the place that is named.',
  });
}
