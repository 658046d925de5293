/** Which disks come by which session of iSCSI. Asked of the kernel, so that no daemon need run and none can hang. */
import type { Asker } from '../host/asker.ts';
import type { BlockDevice } from './tools/lsblk.ts';
import { attributeFiles, type Endpoint, parseSessions, type Session, sessionsArgv } from './tools/iscsi.ts';

export interface Sessions {
  /** All, by the names that the kernel gives them (`session1`). */
  readonly all: ReadonlyMap<string, Session>;
  /** Of the disks that come by one, by device number. */
  readonly ofDisk: ReadonlyMap<string, Session>;
}

/** What the kernel says of a session that works. */
export const loggedIn = 'LOGGED_IN';

/** Disks whose session is broken answer late or never: each is a gap, and is asked for nothing. */
export function giveUpBroken({ ofDisk }: Sessions, devices: readonly BlockDevice[], asker: Asker): void {
  for (const { number, path } of devices) {
    const { target, portal, state = loggedIn } = ofDisk.get(number) ?? {};
    if (state === loggedIn) continue;
    asker.giveUp(path);
    asker.gap({
      subject: path,
      problem: `its connection to ${target} at ${portal} is broken (${state}), so that nothing on it can be read`,
      hint: 'iscsiadm -m session -P 1 tells of it; see to the storage system and the network',
    });
  }
}

/** The same after each login, whatever number the session has got. */
export function endpointId({ target, portal, iface }: Endpoint): string {
  return `iscsi:${target}@${portal}${iface === 'default' ? '' : `/${iface}`}`;
}

/** Asked only where the path of a disk in sysfs, by device number, leads through a session. */
export async function askSessions(asker: Asker, sysfsPaths: ReadonlyMap<string, string>): Promise<Sessions> {
  const names = new Map(
    [...sysfsPaths].flatMap(([number, path]) => {
      const name = /\/(session\d+)\//.exec(path)?.[1];
      return name === undefined ? [] : [[number, name] as const];
    }),
  );
  if (names.size === 0) return { all: new Map(), ofDisk: new Map() };
  const subject = 'sessions of iSCSI';
  const listed = await asker.ask({
    argv: sessionsArgv,
    subject,
    parse: (stdout) => stdout.split('\n').filter(Boolean),
  });
  const [first, ...rest] = attributeFiles(listed ?? []);
  if (first === undefined) return { all: new Map(), ofDisk: new Map() };
  const argv = ['grep', '-sH', '', first, ...rest] as const;
  const all =
    (await asker.ask({ argv: [...argv], okCodes: [0, 1, 2], subject, parse: parseSessions })) ??
    new Map<string, Session>();
  const ofDisk = [...names].flatMap(([number, name]) => {
    const session = all.get(name);
    return session === undefined ? [] : [[number, session] as const];
  });
  return { all, ofDisk: new Map(ofDisk) };
}
