/** Addresses of a link: those that it had, and none that it had not. */
import type { Action } from '../../plan/action.ts';
import { isLasting } from '../diff-links.ts';
import type { Address, Link } from '../types.ts';
import { addressText } from '../words.ts';
import { attempt, command } from './makers/maker.ts';
import { addressKey, addressWords, familyWord } from './routes.ts';
import { act, isGiven, type Scene } from './scene.ts';

export function addressActions(link: Link, { now, named }: Scene): Action[] {
  const { name } = link;
  const found = now.of(name);
  const device = named(name);
  const wanted = link.addresses.filter(isLasting);
  const there = new Map(
    (found?.addresses ?? [])
      // What the kernel drops with the link that is off for a moment.
      .filter(({ family }) => !now.isOff(name) || family === 'inet')
      .map((address) => [addressKey(address), addressText(address)]),
  );
  const commands = [
    ...unwantedAddresses(link, found).map((address) =>
      attempt('ip', familyWord(address), 'address', 'delete', `${address.address}/${address.prefix}`, 'dev', device),
    ),
    ...wanted
      .filter((address) => there.get(addressKey(address)) !== addressText(address))
      .map((address) =>
        command('ip', familyWord(address), 'address', 'replace', ...addressWords(address), 'dev', device),
      ),
  ];
  const title = `give ${name} ${wanted.length === 0 ? 'no address' : wanted.map(addressText).join(', ')}`;
  return commands.length === 0 ? [] : [act(`addresses ${name}`, title, name, commands)];
}

/** Those that it has now, by whomever, but for such as it would get from elsewhere again. */
export function unwantedAddresses(link: Link, found: Link | undefined): readonly Address[] {
  const wanted = new Set(link.addresses.filter(isLasting).map(addressKey));
  return (found?.addresses ?? []).filter(
    (address) =>
      address.origin !== 'kernel' && !wanted.has(addressKey(address)) && (isLasting(address) || !isGiven(link)),
  );
}
