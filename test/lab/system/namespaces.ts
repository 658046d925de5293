/** Being root of something of one's own: what setting packages up takes, and what not every user has. */
import { userInfo } from 'node:os';
import { localHost } from '../../../src/host/local.ts';
import type { Argv } from '../../../src/host/host.ts';

/** Mounts, processes, names and network of its own, all gone with its first process. */
const own = ['--mount', '--pid', '--fork', '--kill-child', '--ipc', '--uts', '--net', '--propagation', 'private'];

/**
 * The beginning of a command line that is run as root of namespaces of its own: real root's, or those of a user who has a range of ids
 * (/etc/subuid and newuidmap).
 *
 * @throws Error with the reason where neither can be had
 */
export async function namespaces(signal: AbortSignal): Promise<Argv> {
  const why = await whyNoNamespaces(signal);
  if (why !== undefined) throw new Error(why);
  return argv;
}

/** Why this user cannot make a system; `undefined` where they can. */
export async function whyNoNamespaces(signal: AbortSignal): Promise<string | undefined> {
  const { code, stderr } = await localHost().run([...argv, 'true'], { okCodes: [0, 1] }, signal);
  if (code === 0) return undefined;
  const name = userInfo().username;
  return `systems are made by root, or by who has ids of their own, which ${name} has not: apt-get install uidmap, and a line in /etc/subuid and /etc/subgid (${stderr.trim()})`;
}

const argv: Argv = ['unshare', ...(userInfo().uid === 0 ? [] : ['--user', '--map-root-user', '--map-auto']), ...own];
