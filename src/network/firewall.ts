/**
 * Rules of the firewall, as text that the tools load again.
 *
 * Asking must not change the host, and `nft` and `iptables-save` load modules of the kernel when they are asked for rules.
 * So `nft` is asked only where nf_tables is loaded, built in, or cannot be loaded because there are no modules at all:
 * elsewhere there are no such rules. `iptables` is asked only for tables that the kernel says it has (legacy), or that are
 * among the answer of `nft` (those need its own words, as `nft` cannot load some of its matches again).
 */
import type { Asker } from '../host/asker.ts';
import type { Argv } from '../host/host.ts';
import { netfilterPlaces } from './places.ts';
import { subjects } from './subjects.ts';
import type { Firewall } from './types.ts';

/** Without counters. */
export const nftArgv: Argv = ['nft', '-s', 'list', 'ruleset'];

type Family = 'iptables' | 'ip6tables';
const families: readonly Family[] = ['iptables', 'ip6tables'];

interface Files {
  readonly contents: ReadonlyMap<string, string>;
  readonly denied: readonly string[];
}

export async function captureFirewall(asker: Asker, quiet: Asker, files: Files): Promise<Firewall[]> {
  const nft = (await mayAskNft(asker, quiet, files.contents))
    ? await asker.ask({ argv: nftArgv, parse: cleanNft, subject: subjects.firewall.nft })
    : '';
  const found: Firewall[] = nft === undefined || nft === '' ? [] : [{ kind: 'nft', rules: nft }];
  for (const family of families) {
    const legacy = await legacyRules(asker, quiet, family, files);
    // The same rules as those of nft, but in the words that load them again.
    const translated = hasTables(nft ?? '', family)
      ? await quiet.ask({ argv: [`${family}-nft-save`], parse: cleanIptables })
      : undefined;
    // Not together: each is loaded by its own tool.
    if (legacy !== undefined && legacy !== '') found.push({ kind: `${family}-legacy`, rules: legacy });
    if (translated !== undefined && translated !== '') found.push({ kind: family, rules: translated });
  }
  return found;
}

async function mayAskNft(asker: Asker, quiet: Asker, contents: ReadonlyMap<string, string>): Promise<boolean> {
  const release = contents.get(netfilterPlaces.release)?.trim();
  if (release === undefined) {
    asker.gap({
      subject: subjects.firewall.nft,
      problem: 'not asked: /proc is not there, so asking may load a module',
    });
    return false;
  }
  const modules = contents.get(netfilterPlaces.modules);
  if (modules === undefined || /^nf_tables /m.test(modules)) return true;
  const builtIn = await quiet.file(`/lib/modules/${release}/modules.builtin`, (text) => /\/nf_tables\.ko/.test(text));
  return builtIn ?? true;
}

async function legacyRules(asker: Asker, quiet: Asker, family: Family, { contents, denied }: Files) {
  const place = netfilterPlaces[family];
  if (denied.includes(place)) {
    asker.gap({
      subject: subjects.firewall[family],
      problem: `no permission to read ${place}`,
      hint: 'Run lifeboat as root.',
    });
    return undefined;
  }
  if ((contents.get(place) ?? '').trim() === '') return undefined;
  return (
    (await quiet.ask({ argv: [`${family}-legacy-save`], parse: cleanIptables })) ??
    // Before there were two variants, the only one had this name.
    (await asker.ask({ argv: [`${family}-save`], parse: cleanIptables, subject: subjects.firewall[family] }))
  );
}

/** Whether some of the tables of nft are those that iptables keeps there. */
function hasTables(nft: string, family: Family): boolean {
  const start = family === 'iptables' ? 'table ip ' : 'table ip6 ';
  return nft
    .split(/^(?=table )/m)
    .some(
      (table) =>
        table.startsWith(start) &&
        /^table ip6? (?:filter|nat|mangle|raw|security) \{/.test(table) &&
        /^\tchain (?:INPUT|FORWARD|OUTPUT|PREROUTING|POSTROUTING) \{/m.test(table),
    );
}

/** Without what changes by itself: warnings, and the elements of sets that rules fill or that run out. @throws Error */
export function cleanNft(stdout: string): string {
  const text = stdout
    .split('\n')
    .filter((line) => !line.startsWith('#'))
    .join('\n')
    .trim();
  if (text !== '' && !/^table /m.test(text)) throw new Error('no table');
  return text.replace(/^\t(?:set|map) [^\n]*\{\n[\s\S]*?^\t\}$/gm, (set) =>
    /^\t\tflags [^\n]*\b(?:timeout|dynamic)\b/m.test(set) ? set.replace(/^\t\telements = \{[^}]*\}\n/gm, '') : set,
  );
}

/** Without counters and the time of asking. @throws Error */
export function cleanIptables(stdout: string): string {
  const lines = stdout.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  if (lines.length > 0 && lines[0]?.startsWith('*') !== true) throw new Error('no table');
  return lines.map((line) => line.replace(/^(:\S+ \S+) \[\d+:\d+\]$/, '$1 [0:0]')).join('\n');
}
