/** Name servers and search domains, from `/etc/resolv.conf`; and the lines of `/etc/hosts`. */
import type { Asker } from '../host/asker.ts';
import { present } from '../kernel/present.ts';
import type { Dns, HostsLine } from './types.ts';

/** systemd-resolved's own file: the real servers, where `/etc/resolv.conf` names only its stub. */
const resolvedFile = '/run/systemd/resolve/resolv.conf';
const stub = '127.0.0.53';

/** As resolv.conf(5): the last `search` or `domain` wins. */
export function parseResolvConf(content: string): Dns {
  if (content.includes('\0')) throw new Error('not a text file');
  const servers: string[] = [];
  const options: string[] = [];
  let search: string[] = [];
  for (const [keyword, ...values] of linesOf(content, /[#;].*$/)) {
    if (keyword === 'nameserver' && values[0] !== undefined) servers.push(values[0]);
    if (keyword === 'search' || keyword === 'domain') search = values;
    if (keyword === 'options') options.push(...values);
  }
  return { servers, search, ...present({ options: options.length === 0 ? undefined : options }) };
}

/** As hosts(5); a line without a name is nothing. */
export function parseHosts(content: string): HostsLine[] {
  if (content.includes('\0')) throw new Error('not a text file');
  return linesOf(content, /#.*$/).flatMap(([address = '', ...names]) =>
    address === '' || names.length === 0 ? [] : [{ address, names }],
  );
}

const linesOf = (content: string, comment: RegExp): string[][] =>
  content.split('\n').map((line) => line.replace(comment, '').trim().split(/\s+/));

export async function captureDns(asker: Asker): Promise<Dns> {
  const own = await asker.file('/etc/resolv.conf', parseResolvConf);
  if (own === undefined) return { servers: [], search: [] };
  if (!own.servers.includes(stub)) return own;
  const real = await asker.file(resolvedFile, parseResolvConf, { mayBeAbsent: true });
  // Options of the file that programs read count, not those of the other.
  return real === undefined ? own : { ...own, servers: real.servers, search: real.search };
}

export async function captureHosts(asker: Asker): Promise<HostsLine[]> {
  return (await asker.file('/etc/hosts', parseHosts, { mayBeAbsent: true })) ?? [];
}
