/** What `ip` does not know of WireGuard links and teams. Asked only where there are such links: it may load modules. */
import { z } from 'zod';
import type { Asker } from '../host/asker.ts';
import type { Argv } from '../host/host.ts';
import { present } from '../kernel/present.ts';
import type { WireGuard } from './kinds/wireguard.ts';
import { subjects } from './subjects.ts';
import type { Link } from './types.ts';

/** Never `dump`, `private-key`, `preshared-keys` or plain `show`: what is not asked for cannot leak. */
const wireguardQuestions = [
  'public-key',
  'listen-port',
  'fwmark',
  'endpoints',
  'allowed-ips',
  'persistent-keepalive',
] as const;
type WireGuardQuestion = (typeof wireguardQuestions)[number];
type Table = readonly (readonly string[])[];

export function wireguardArgv(question: WireGuardQuestion): Argv {
  return ['wg', 'show', 'all', question];
}

/** Lines of fields, the name of the link first. @throws Error for anything else */
export function parseTable(stdout: string): Table {
  const lines = stdout.split('\n').filter((line) => line !== '');
  return lines.map((line) => {
    const fields = line.split('\t');
    if (fields.length < 2 || fields.length > 3) throw new Error('not a table of wg');
    return fields;
  });
}

const known = (value: string | undefined): string | undefined =>
  value === undefined || value === '(none)' || value === 'off' || value === '' ? undefined : value;
const numeric = (value: string | undefined): number | undefined =>
  known(value) === undefined || !Number.isInteger(Number(value)) ? undefined : Number(value);

/** The settings of each link, out of the answers to the questions. */
export function wireguardOf(link: string, tables: Partial<Record<WireGuardQuestion, Table>>): WireGuard {
  const own = (question: WireGuardQuestion) => (tables[question] ?? []).filter(([name]) => name === link);
  const ofPeer = (question: WireGuardQuestion) => new Map(own(question).map(([, peer, value]) => [peer, value]));
  const endpoints = ofPeer('endpoints');
  const keepalives = ofPeer('persistent-keepalive');
  return {
    kind: 'wireguard',
    ...present({
      publicKey: known(own('public-key')[0]?.[1]),
      listenPort: numeric(own('listen-port')[0]?.[1]),
      fwmark: known(own('fwmark')[0]?.[1]),
    }),
    peers: own('allowed-ips').flatMap(([, publicKey, ips]) =>
      publicKey === undefined
        ? []
        : [
            {
              publicKey,
              ...present({ endpoint: known(endpoints.get(publicKey)) }),
              allowedIps: known(ips)?.split(' ') ?? [],
              ...present({ keepaliveSeconds: numeric(keepalives.get(publicKey)) }),
            },
          ],
    ),
  };
}

async function withWireguard(asker: Asker, links: readonly Link[]): Promise<Link[]> {
  if (!links.some(({ kind }) => kind === 'wireguard')) return [...links];
  const tables: Partial<Record<WireGuardQuestion, Table>> = {};
  for (const question of wireguardQuestions) {
    const table = await asker.ask({ argv: wireguardArgv(question), parse: parseTable, subject: subjects.wireguard });
    // Who may not ask one may ask none.
    if (table === undefined) return [...links];
    tables[question] = table;
  }
  return links.map((link) => (link.kind === 'wireguard' ? { ...link, detail: wireguardOf(link.name, tables) } : link));
}

const teamConfig = z.record(z.string(), z.json());

export function teamArgv(link: string): Argv {
  return ['teamdctl', link, 'config', 'dump', 'actual'];
}

async function withTeams(asker: Asker, links: readonly Link[]): Promise<Link[]> {
  return await Promise.all(
    links.map(async (link): Promise<Link> => {
      if (link.kind !== 'team' || !link.name.isWellFormed() || link.name.startsWith('-')) return link;
      const config = await asker.ask({
        argv: teamArgv(link.name),
        parse: (stdout) => teamConfig.parse(JSON.parse(stdout)),
        subject: subjects.team,
      });
      return config === undefined ? link : { ...link, detail: { kind: 'team', config } };
    }),
  );
}

export async function withDaemons(asker: Asker, links: readonly Link[]): Promise<Link[]> {
  return await withTeams(asker, await withWireguard(asker, links));
}
