/** Name servers and search domains, from `/etc/resolv.conf`. */
import type { Asker } from '../host/asker.ts';
import type { Dns } from './types.ts';

/** systemd-resolved's own file: the real servers, where `/etc/resolv.conf` names only its stub. */
const resolvedFile = '/run/systemd/resolve/resolv.conf';
const stub = '127.0.0.53';

/** As resolv.conf(5): the last `search` or `domain` wins. */
export function parseResolvConf(content: string): Dns {
  if (content.includes('\0')) throw new Error('not a text file');
  const servers: string[] = [];
  let search: string[] = [];
  for (const line of content.split('\n')) {
    const [keyword, ...values] = line
      .replace(/[#;].*$/, '')
      .trim()
      .split(/\s+/);
    if (keyword === 'nameserver' && values[0] !== undefined) servers.push(values[0]);
    if (keyword === 'search' || keyword === 'domain') search = values;
  }
  return { servers, search };
}

export async function captureDns(asker: Asker): Promise<Dns> {
  const own = await asker.file('/etc/resolv.conf', parseResolvConf);
  if (own === undefined) return { servers: [], search: [] };
  if (!own.servers.includes(stub)) return own;
  return (await asker.file(resolvedFile, parseResolvConf, { mayBeAbsent: true })) ?? own;
}
