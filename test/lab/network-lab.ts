/** A machine with eight cards and the network of `networks/all.sh`. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { NetworkCard } from '../../src/qemu/spec.ts';
import type { Release } from './builder.ts';
import { type Lab, startLab } from './lab.ts';

const script = readFileSync(join(import.meta.dirname, 'networks/all.sh'));

/** By the letters that the script has for them: pairs on one wire each, of two makers. */
const cards: readonly (readonly [letter: string, card: NetworkCard])[] = ['A', 'B', 'C', 'D', 'E', 'F', 'G', 'H'].map(
  (letter, index) => [
    letter,
    {
      network: { kind: 'segment', number: Math.floor(index / 2) },
      mac: `52:54:00:00:00:0${index + 1}`,
      model: 'CDH'.includes(letter) ? 'e1000e' : 'virtio',
    },
  ],
);

export interface NetworkLab extends Lab {
  /** Names that the guest gave to its cards, by their letters. */
  readonly cards: ReadonlyMap<string, string>;
}

export async function networkLab(release: Release, signal: AbortSignal): Promise<NetworkLab> {
  await using stack = new AsyncDisposableStack();
  const lab = stack.use(await startLab({ release, cards: cards.map(([, card]) => card) }, signal));
  const { stdout: links } = await lab.host.run(['ip', '-o', 'link', 'show'], {}, signal);
  const names = new Map(
    [...links.toString().matchAll(/^\d+: ([^:@]+)[:@].* link\/ether (\S+)/gm)].map(([, name = '', mac = '']) => [
      mac,
      name,
    ]),
  );
  const found = new Map(cards.map(([letter, { mac = '' }]) => [letter, names.get(mac) ?? '']));
  try {
    await lab.host.run(['bash', '-s'], { stdin: script, env: Object.fromEntries(found), timeoutMs: 600_000 }, signal);
  } catch (error) {
    throw new Error('the script of the network failed', { cause: error });
  }
  const owned = stack.move();
  return { ...lab, cards: found, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}
