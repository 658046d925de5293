import type { Word } from '../../../plan/action.ts';
import type { Link } from '../../types.ts';
import { below, command, maker, type Named } from './maker.ts';
import { flag, type Options, plainly, value, wordsOf } from './options.ts';

const problem = (link: Link): string | undefined =>
  below(link) === undefined ? 'the link that it stands on is in another network namespace' : undefined;

function onCard({ name, ...link }: Link, named: Named, kind: string, words: readonly Word[]) {
  const lower = below({ name, ...link });
  return lower === undefined
    ? []
    : [command('ip', 'link', 'add', 'link', named(lower), 'name', name, 'type', kind, ...words)];
}

const options: Options = [
  ...plainly(value, 'mode'),
  ...plainly(flag, 'nopromisc nodst'),
  ...plainly(value, 'bcqueuelen bclim'),
];

export const macvlan = maker(['macvlan', 'macvtap'], {
  problem,
  create: (link, detail, named) => [
    ...onCard(link, named, detail.kind, wordsOf(detail, options, { bcqueuelen: 1000, bclim: 1 })),
    ...(detail.macaddr_data ?? []).map((mac) =>
      command('ip', 'link', 'set', 'link', 'dev', link.name, 'type', detail.kind, 'macaddr', 'add', mac),
    ),
  ],
});

const ofIpvlan: Options = [...plainly(value, 'mode'), ...plainly(flag, 'private vepa bridge')];

export const ipvlan = maker(['ipvlan', 'ipvtap'], {
  problem,
  create: (link, detail, named) => onCard(link, named, detail.kind, wordsOf(detail, ofIpvlan)),
});
