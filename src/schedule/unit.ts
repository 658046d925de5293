/** The files by which a machine runs the scheduler: a unit of systemd, or a line of cron. */
import { shellWords } from '../host/quote.ts';

export const UNIT_NAME = 'lifeboat-schedule.service';
export const UNIT_PATH = `/etc/systemd/system/${UNIT_NAME}`;
export const CRON_PATH = '/etc/cron.d/lifeboat';

/** What a backup needs besides being root, each with what is lost without it. */
export const capabilities: readonly (readonly [name: string, why: string])[] = [
  ['CAP_DAC_READ_SEARCH', 'read every file, whoever it belongs to'],
  ['CAP_DAC_OVERRIDE', 'write to a repository or a folder of metrics that belongs to another user'],
  ['CAP_SYS_ADMIN', 'read trusted.* attributes, subvolumes of btrfs, other network namespaces'],
  ['CAP_NET_ADMIN', 'read the rules of the firewall'],
  ['CAP_SYS_PTRACE', 'see which process listens on a port'],
  ['CAP_SETUID', 'drop-ins and sendmail that become another user'],
  ['CAP_SETGID', 'the same'],
  ['CAP_CHOWN', 'the same'],
  ['CAP_FOWNER', 'the same'],
  ['CAP_KILL', 'end them'],
];

/** What it takes besides to bring all files of a host back, as a drill of the files does. */
export const restoreCapabilities: readonly (readonly [name: string, why: string])[] = [
  ['CAP_FSETID', 'bring back set-group-id files of groups that root is not in'],
  ['CAP_SETFCAP', 'bring back capabilities of programs'],
  ['CAP_LINUX_IMMUTABLE', 'bring back what nobody may change (chattr +i, +a)'],
  ['CAP_MKNOD', 'bring back device nodes'],
  ['CAP_MAC_ADMIN', 'bring back labels that no policy here knows'],
];

export interface UnitOptions {
  /** Files are restored, as they were: a drill of the files is scheduled. @default false */
  readonly restores?: boolean;
}

/**
 * The unit. Nothing in it makes a mount namespace (ProtectSystem, ProtectHome, PrivateTmp, PrivateDevices, ProtectKernel…): in
 * one, filesystems look read-only, /tmp is another and /usr/lib/modules is empty, and that is what a backup would store
 * and a capture would put on record.
 */
export function unitText(argv: readonly string[], { restores = false }: UnitOptions = {}): string {
  const allowed = [...capabilities, ...(restores ? restoreCapabilities : [])];
  return `# Made by "lifeboat schedule install", which replaces it. Changes of your own: systemctl edit ${UNIT_NAME}
[Unit]
Description=Scheduled backups of this host (lifeboat)
Wants=network-online.target
After=network-online.target remote-fs.target time-sync.target

[Service]
Type=notify
NotifyAccess=main
ExecStart=${[...argv, 'schedule', 'run'].map(unitWord).join(' ')}
# Until it is ready: on a machine that is slow or very busy, Node alone needs more than the minute and a half that systemd would give it.
TimeoutStartSec=5min
WatchdogSec=3min
Restart=on-failure
RestartSec=1min
# The scheduler passes SIGTERM on, and its runs undo what they half did.
KillMode=mixed
TimeoutStopSec=15min
# A run that takes too much memory must not take the one with it who tells of it.
OOMPolicy=continue
LoadCredential=lifeboat.webhook-url

Nice=10
IOSchedulingClass=best-effort
IOSchedulingPriority=7
UMask=0077

# No option here makes a mount namespace (ProtectSystem, PrivateTmp and so on): a backup stores what it sees.
${allowed.map(([name, why]) => `# ${name}: ${why}`).join('\n')}
CapabilityBoundingSet=${allowed.map(([name]) => name).join(' ')}
AmbientCapabilities=
NoNewPrivileges=yes
# Disks can be read, and written by nobody in here.
DevicePolicy=closed
DeviceAllow=block-* r
DeviceAllow=/dev/mapper/control rw
DeviceAllow=/dev/zfs rw
# Media and recoveries are tried in virtual machines.
DeviceAllow=/dev/kvm rw
${restores ? devices : ''}RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
# Of the network namespaces that are captured, and of confined programs.
RestrictNamespaces=mnt net
RestrictRealtime=yes
${restores ? '# A drill of the files makes set-user-id files, below the state directory.\n' : 'RestrictSUIDSGID=yes\n'}LockPersonality=yes
ProtectClock=yes
ProtectHostname=yes
KeyringMode=private
SystemCallArchitectures=native
SystemCallFilter=@system-service @mount
SystemCallErrorNumber=EPERM

[Install]
WantedBy=multi-user.target
`;
}

const devices = `# Nodes of devices are made by a drill of the files, and opened by nobody.
DeviceAllow=char-* m
DeviceAllow=block-* rm
`;

/** A word of a command line of a unit, in which % and $ mean something. */
function unitWord(word: string): string {
  const text = word.replaceAll('%', '%%').replaceAll('$', '$$$$');
  return /^[\w@%+=:,./$-]+$/.test(text) ? text : `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}

/** For hosts without systemd: every five minutes it is looked what is due. */
export function cronText(argv: readonly string[]): string {
  const command = shellWords([...argv, '--quiet', 'schedule', 'run', '--due']);
  return `# Made by "lifeboat schedule install", which replaces it. When each job is due stands in lifeboat's own configuration.
SHELL=/bin/sh
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
*/5 * * * * root ${command.replaceAll('%', '\\%')} >/dev/null
`;
}
