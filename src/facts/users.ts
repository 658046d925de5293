/** Users of this machine's own files who can log in. Never a hash: what is asked for is only whether there is one. */
import { z } from 'zod';
import type { Asker } from '../host/asker.ts';
import { deniedPaths, found, reportDenied, reportFailed } from './reading.ts';

export const userSchema = z.object({
  name: z.string(),
  uid: z.number().int().nonnegative(),
  gid: z.number().int().nonnegative(),
  home: z.string(),
  shell: z.string(),
  /** `none`: logs in without one. Absent where only root may know. */
  passwordState: z.enum(['set', 'locked', 'none']).exactOptional(),
  /** Whether `authorized_keys` in the home directory holds anything; absent where that could not be seen. */
  sshKeys: z.boolean().exactOptional(),
});

export type User = z.infer<typeof userSchema>;
type Password = NonNullable<User['passwordState']>;

const noLogin = /(?:^|\/)(?:nologin|false|true|sync|shutdown|halt)$/;

/** passwd(5): those whose shell lets them in. An empty shell is /bin/sh. */
export function parsePasswd(content: string): User[] {
  const users = new Map<string, User>();
  let lines = 0;
  for (const line of content.split('\n')) {
    const [name, , uid, gid, , home, shell] = line.split(':');
    // "+" and "-" stand for users of NIS.
    if (name === undefined || home === undefined || shell === undefined || !/^[^+-]/.test(name)) continue;
    if (!/^\d+$/.test(uid ?? '') || !/^\d+$/.test(gid ?? '')) continue;
    lines += 1;
    if (noLogin.test(shell) || users.has(name)) continue;
    users.set(name, { name, uid: Number(uid), gid: Number(gid), home, shell: shell === '' ? '/bin/sh' : shell });
  }
  if (lines === 0) throw new Error('no user in it');
  return [...users.values()];
}

/** Leaves of each line the name and one word: a hash never comes out of the host. */
const stateOnly = [
  String.raw`s/^\([^:]*\)::.*$/\1 none/p;t`,
  String.raw`s/^\([^:]*\):[!*].*$/\1 locked/p;t`,
  String.raw`s/^\([^:]*\):[^:].*$/\1 set/p`,
] as const;

export function parsePasswords(stdout: string): Map<string, Password> {
  const states = new Map<string, Password>();
  for (const line of stdout.split('\n')) {
    const [, name, state] = /^(\S+) (set|locked|none)$/.exec(line) ?? [];
    if (name !== undefined && (state === 'set' || state === 'locked' || state === 'none')) states.set(name, state);
  }
  if (states.size === 0 && stdout.trim() !== '') throw new Error('no user in it');
  return states;
}

/** Directories that a server or an automounter answers for: looking into them may hang, or mount something. */
export function parseRemoteMounts(content: string): string[] {
  return content.split('\n').flatMap((line) => {
    const [, target, type] = line.split(' ');
    if (target === undefined || type === undefined) return [];
    return /^(?:autofs|nfs4?|cifs|smb3|ceph|glusterfs|lustre|afs|9p|fuse\..*)$/.test(type)
      ? [target.replaceAll(String.raw`\040`, ' ')]
      : [];
  });
}

/** Users, and the homes that may be looked into. */
export async function captureUsers(asker: Asker): Promise<{ users?: User[]; homes: User[] }> {
  const users = await asker.file('/etc/passwd', parsePasswd);
  if (users === undefined) return { homes: [] };
  const [passwords, remote] = await Promise.all([
    askPasswords(asker),
    asker.file('/proc/self/mounts', parseRemoteMounts, { mayBeAbsent: true }),
  ]);
  const homes = users.filter(
    ({ home }) => /^\/[^/]/.test(home) && !remote?.some((mount) => mount !== '/' && `${home}/`.startsWith(`${mount}/`)),
  );
  const keys = await askKeys(asker, homes);
  return {
    homes,
    users: users.map((user) => {
      const password = passwords?.get(user.name);
      const sshKeys = homes.includes(user) ? keys?.(user.home) : undefined;
      return {
        ...user,
        ...(password === undefined ? {} : { passwordState: password }),
        ...(sshKeys === undefined ? {} : { sshKeys }),
      };
    }),
  };
}

async function askPasswords(asker: Asker): Promise<Map<string, Password> | undefined> {
  const subject = 'passwords of users';
  const answer = await asker.ask({
    argv: ['sed', '-n', '-e', stateOnly[0], '-e', stateOnly[1], '-e', stateOnly[2], '/etc/shadow'],
    // Not 0 when the file is forbidden, and where a system does without it.
    okCodes: [0, 1, 2],
    parse: (stdout, stderr) => ({ states: parsePasswords(stdout), denied: deniedPaths(stderr), stdout, stderr }),
    subject,
  });
  // Where there is no such file, sed says so.
  if (answer !== undefined) reportFailed(asker, subject, { ...answer, never: true });
  reportDenied(asker, subject, answer?.denied ?? []);
  return answer?.states;
}

async function askKeys(
  asker: Asker,
  homes: readonly User[],
): Promise<((home: string) => boolean | undefined) | undefined> {
  const directories = [...new Set(homes.map(({ home }) => `${home}/.ssh`))].filter((path) => path.isWellFormed());
  if (directories.length === 0) return undefined;
  const subject = 'keys of users';
  const tests = ['-maxdepth', '1', '-name', 'authorized_keys*', '-size', '+0', '-print0'];
  // Empty and silent where each has the directory, and nobody a key.
  const answer = await found(asker, subject, [...directories, ...tests]);
  if (answer === undefined) return undefined;
  const { records, denied } = answer;
  reportDenied(asker, subject, denied);
  return (home) => {
    if (records.some((path) => path.startsWith(`${home}/.ssh/`))) return true;
    return denied.some((path) => `${path}/`.startsWith(`${home}/`) || home.startsWith(`${path}/`)) ? undefined : false;
  };
}
