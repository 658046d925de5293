/** A clone is another machine than the host: what tells the two apart is made anew. Otherwise the host stays who it is. */
import { randomBytes, randomUUID } from 'node:crypto';
import type { Deed, NewFile } from './scene.ts';
import { filesBelow, programInside, readInside, type Site, type Subject } from './site.ts';

/** What has lifeboat back the host up, as `lifeboat schedule install` leaves it. */
const schedules = ['/etc/systemd/system/multi-user.target.wants/lifeboat-schedule.service', '/etc/cron.d/lifeboat'];

/** By which servers of addresses know it, and what its random numbers begin with. */
const stateful = [
  '/var/lib/systemd',
  '/var/lib/dhcp',
  '/var/lib/dhcpcd',
  '/var/lib/NetworkManager',
  '/etc/dhcpcd.duid',
];

export const identity: Subject = {
  name: 'identity',
  async plan(site, signal) {
    if (!site.scene.clone) return [];
    const why = 'a clone is another machine than the host';
    const deed = { why, needed: false, files: [], commands: [] };
    const files = await renewedFiles(site, signal);
    const keys = (await filesBelow(site, ['/etc/ssh'], signal)).filter((path) =>
      /\/ssh_host_\w+_key(\.pub)?$/.test(path),
    );
    const keygen = await programInside(site, ['ssh-keygen'], signal);
    if (keys.length > 0 && keygen === undefined)
      site.finding({
        subject: '/etc/ssh',
        problem: 'the clone has no keys of its own, as there is no ssh-keygen to make them',
      });
    const state = (await filesBelow(site, stateful, signal)).filter((path) =>
      /\/(random-seed|secret_key|.*\.leases?|duid|secret|dhcpcd\.duid)$/.test(path),
    );
    const own = await filesBelow(site, schedules, signal);
    const deeds: Deed[] = [
      {
        ...deed,
        id: 'identity',
        title: 'give the clone an identity of its own',
        why: `${why}; it keeps ${keptOf(site)}: give it others before both are in one network`,
        files,
        changes: files.map(({ path }) => path),
      },
      {
        ...deed,
        id: 'ssh-keys',
        title: 'give the clone keys of its own for ssh',
        files: keys.map((path) => ({ path })),
        commands: keygen === undefined ? [] : [{ argv: [keygen, '-A'], where: 'chroot' }],
        changes: keys,
      },
      {
        ...deed,
        id: 'seeds',
        title: 'take away seeds and leases of the host',
        files: state.map((path) => ({ path })),
        changes: state,
      },
      {
        ...deed,
        id: 'own-schedule',
        title: 'keep the clone from backing up as the host',
        why: `${why}; "lifeboat init" makes it one with backups of its own`,
        files: own.map((path) => ({ path })),
        changes: own,
      },
    ];
    return deeds.filter((one) => one.files.length > 0);
  },
};

/** What services and people know it by, which only they can change. */
function keptOf({ scene: { captured } }: Site): string {
  const fixed = captured.network.links.flatMap(({ addresses }) =>
    addresses.filter(({ scope, dynamic }) => scope === 'global' && !dynamic).map(({ address }) => address),
  );
  const name = `its name ${captured.facts.hostname}`;
  return fixed.length === 0 ? name : `${name} and the addresses ${[...new Set(fixed)].join(', ')}`;
}

/** With all that is drawn by lot. */
async function renewedFiles(site: Site, signal: AbortSignal): Promise<NewFile[]> {
  const id = randomBytes(16).toString('hex');
  const uuid = randomUUID();
  const news: Readonly<Record<string, (content: string) => string>> = {
    '/etc/machine-id': () => `${id}\n`,
    '/var/lib/dbus/machine-id': () => `${id}\n`,
    '/etc/iscsi/initiatorname.iscsi': (content) =>
      content.replace(/^(InitiatorName=iqn\.[^:\n]*)(:\S*)?/m, `$1:${randomBytes(6).toString('hex')}`),
    '/etc/nvme/hostid': () => `${uuid}\n`,
    '/etc/nvme/hostnqn': () => `nqn.2014-08.org.nvmexpress:uuid:${uuid}\n`,
  };
  const files: NewFile[] = [];
  for (const [path, change] of Object.entries(news)) {
    const content = await readInside(site, path, signal);
    if (content !== undefined && content !== change(content)) files.push({ path, content: change(content) });
  }
  return files;
}
