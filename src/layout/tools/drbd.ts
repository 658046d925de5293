/** What `drbdadm` says of the configuration of DRBD, and `drbdsetup` of what runs. */
import type { Argv } from '../../host/host.ts';
import { present } from '../../kernel/present.ts';
import { redactCommand } from '../../kernel/redact-command.ts';
import { REDACTED } from '../../kernel/secret.ts';

/** The whole configuration. */
export const dumpArgv: Argv = ['drbdadm', 'dump'];
/**
 * As a start script asks, for which drbdadm neither counts the host among its users at a server of its makers nor writes down
 * that it did. With DRBD 9 each other command does, where `usage-count` is `yes`.
 */
export const dumpEnv = { INIT_VERSION: 'lifeboat' } as const;
/** Of versions 8.4 and 9 alike. */
export const statusArgv: Argv = ['drbdsetup', 'status'];

/** A volume as one of the hosts of its resource has it. */
export interface Place {
  readonly host: string;
  readonly address?: string;
  /** Of version 9. */
  readonly nodeId?: number;
  /** `none` of one that keeps no data itself. */
  readonly disk?: string;
  /** `internal`, or a device and maybe an index on it. */
  readonly metaDisk?: string;
  readonly device?: string;
  readonly minor?: number;
}

export interface Volume {
  readonly resource: string;
  readonly volume: number;
  readonly protocol?: string;
  /** Name of the host that was asked. */
  readonly here: string;
  readonly places: readonly Place[];
  /** What the configuration says of its resource, without secrets. */
  readonly config: string;
}

interface Section {
  readonly words: readonly string[];
  readonly inside: readonly Section[];
}

export function parseDump(stdout: string): Volume[] {
  const text = stdout.replace(/(\bshared-secret\s+)("(?:[^"\\]|\\.)*"|[^\s;]+)/g, `$1"${REDACTED}"`);
  const found: Volume[] = [];
  const resources = [
    ...text.matchAll(/^# resource (\S+) on (\S+): (not ignored|ignored), .*\n(?:#.*\n)*resource [^]*?^}$/gm),
  ];
  const sections = parseSections(text);
  if (sections.length === 0 || sections.filter(({ words: [key] }) => key === 'resource').length !== resources.length)
    throw new Error('not what drbdadm says of resources');
  const common = sections.find(({ words: [key] }) => key === 'common');
  for (const [whole, name = '', here = '', how = ''] of resources) {
    if (how === 'ignored') continue;
    const said = whole.replace(/^#.*\n/gm, '');
    const [resource] = parseSections(said);
    if (resource === undefined) throw new Error('a resource of which nothing is said');
    // Handlers are command lines.
    const config = said.split('\n').map(redactCommand).join('\n');
    const hosts = resource.inside.filter(({ words: [key] }) => key === 'on' || key === 'floating');
    const protocol = protocolOf(resource) ?? (common === undefined ? undefined : protocolOf(common));
    const numbers = new Set([resource, ...hosts].flatMap(({ inside }) => numbersOf(inside)));
    for (const volume of [...(numbers.size === 0 ? [0] : numbers)].sort((a, b) => a - b)) {
      const places = hosts.flatMap((host) => placeOf(host, resource, volume) ?? []);
      found.push({ resource: name, volume, here, places, config, ...present({ protocol }) });
    }
  }
  return found;
}

function protocolOf({ inside }: Section): string | undefined {
  const net = inside.find(({ words: [key] }) => key === 'net');
  return valueOf(net?.inside ?? [], 'protocol')?.[0] ?? valueOf(inside, 'protocol')?.[0];
}

/** Of `volume N { … }`. */
function numbersOf(inside: readonly Section[]): number[] {
  return inside.flatMap(({ words: [key, number] }) => (key === 'volume' ? [Number(number)] : []));
}

/** What is said of a volume: in its own block, or where there are none of these. */
function saidOf({ inside }: Section, volume: number): readonly Section[] {
  const own = inside.find(({ words: [key, number] }) => key === 'volume' && Number(number) === volume);
  return own?.inside ?? (numbersOf(inside).length === 0 ? inside : []);
}

/** What version 9 is told of all hosts it says once, of the resource; 8.4 says it of each host. */
function placeOf(host: Section, resource: Section, volume: number): Place | undefined {
  const { words, inside } = host;
  const said = [...saidOf(host, volume), ...saidOf(resource, volume)];
  if (valueOf(said, 'device') === undefined && valueOf(said, 'disk') === undefined) return undefined;
  const device = valueOf(said, 'device');
  const minor = device?.[device.indexOf('minor') + 1];
  const node = valueOf(inside, 'node-id')?.[0];
  const metaDisk = valueOf(said, 'meta-disk') ?? valueOf(said, 'flexible-meta-disk');
  return {
    host: words.slice(1).join(' '),
    ...present({
      address: valueOf(inside, 'address')?.join(' '),
      nodeId: node === undefined ? undefined : Number(node),
      disk: valueOf(said, 'disk')?.[0],
      metaDisk: metaDisk?.join(' '),
      device: device?.[0]?.startsWith('/') === true ? device[0] : undefined,
      minor: device?.includes('minor') === true && /^\d+$/.test(minor ?? '') ? Number(minor) : undefined,
    }),
  };
}

/** Settings, not blocks: `disk` is both. */
function valueOf(sections: readonly Section[], key: string): readonly string[] | undefined {
  return sections
    .find(({ words, inside }) => words[0] === key && words.length > 1 && inside.length === 0)
    ?.words.slice(1);
}

/** Words up to `;`, or up to a block in braces. */
function parseSections(text: string): Section[] {
  const top: Section[] = [];
  const open: Section[][] = [top];
  let words: string[] = [];
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"|[{};]|#.*|[^\s{};"#]+/g)) {
    if (token.startsWith('#')) continue;
    if (token === '{') {
      const inside: Section[] = [];
      open.at(-1)?.push({ words, inside });
      open.push(inside);
    } else if (token === '}') {
      open.pop();
    } else if (token === ';') {
      open.at(-1)?.push({ words, inside: [] });
    } else {
      words.push(token.replace(/^"(.*)"$/s, '$1'));
      continue;
    }
    words = [];
  }
  if (open.length !== 1) throw new Error('braces that do not match');
  return top;
}

export interface Peer {
  readonly name: string;
  /** Absent while it is not connected. */
  readonly role?: string;
  readonly connection?: string;
}

export interface Status {
  readonly role: string;
  /** States of the local disks by the numbers of volumes. */
  readonly disks: ReadonlyMap<number, string>;
  readonly peers: readonly Peer[];
}

/** By the names of resources; what is indented twice is of a peer's disks. */
export function parseStatus(stdout: string): Map<string, Status> {
  const found = new Map<string, Status>();
  for (const block of stdout.split(/\n\s*\n/)) {
    const lines = block.split('\n').filter((line) => line.trim() !== '' && !line.startsWith('#'));
    const [first, ...rest] = lines;
    if (first === undefined) continue;
    const [, name, role] = /^(\S+) role:(\S+)/.exec(first) ?? [];
    if (name === undefined || role === undefined) throw new Error(`not a resource: ${JSON.stringify(first)}`);
    const own = rest.filter((line) => /^ {2}\S/.test(line)).map((line) => line.trim());
    const disks = own.flatMap((line): [number, string][] => {
      const [, number = '0', state] = /^(?:volume:(\d+) )?disk:(\S+)/.exec(line) ?? [];
      return state === undefined ? [] : [[Number(number), state]];
    });
    const peers = own.flatMap((line): Peer[] => {
      const [, peer, rest = ''] = /^([^\s:]+) (.*)$/.exec(line) ?? [];
      if (peer === undefined) return [];
      const word = (key: string) => new RegExp(`(?:^| )${key}:(\\S+)`).exec(rest)?.[1];
      return [{ name: peer, ...present({ role: word('role'), connection: word('connection') }) }];
    });
    found.set(name, { role, disks: new Map(disks), peers });
  }
  return found;
}
