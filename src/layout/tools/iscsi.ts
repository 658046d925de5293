/** Sessions of iSCSI as the kernel has them, and the records by which they are made. No password is ever read: only lines that are named here. */
import type { Argv } from '../../host/host.ts';
import { present } from '../../kernel/present.ts';

/** A connection to one portal of a target, by one interface. */
export interface Endpoint {
  readonly target: string;
  /** `192.0.2.1:3260`, `[2001:db8::1]:3260`. */
  readonly portal: string;
  /** Of open-iscsi; `default` for whichever way the kernel finds. */
  readonly iface: string;
}

export interface Session extends Endpoint {
  readonly tpgt?: number;
  readonly initiator?: string;
  readonly chap: Chap | undefined;
  /** `LOGGED_IN`, `FAILED`, `FREE`. */
  readonly state?: string;
}

export interface NodeRecord extends Endpoint {
  readonly chap: Chap | undefined;
  /** By the names of open-iscsi. */
  readonly settings: ReadonlyMap<string, string>;
}

/** Who proves to whom that he knows a password. */
export type Chap = 'one-way' | 'mutual';

const classes = '/sys/class';
export const sessionsArgv: Argv = [
  'find',
  `${classes}/iscsi_session`,
  `${classes}/iscsi_connection`,
  '-mindepth',
  '1',
  '-maxdepth',
  '1',
];

const sessionFiles = ['targetname', 'tpgt', 'ifacename', 'initiatorname', 'username', 'username_in', 'state'];
const connectionFiles = ['persistent_address', 'persistent_port'];

/** What {@link sessionsArgv} printed, as the files to be read of each. */
export function attributeFiles(paths: readonly string[]): string[] {
  return paths.flatMap((path) => {
    const files = path.startsWith(`${classes}/iscsi_session/`) ? sessionFiles : connectionFiles;
    return files.map((file) => `${path}/${file}`);
  });
}

/**
 * `grep -H` over those files, by the name of the session (`session1`).
 *
 * @throws Error for a line that is none of them
 */
export function parseSessions(stdout: string): Map<string, Session> {
  const found = new Map<string, Map<string, string>>();
  for (const line of stdout.split('\n')) {
    if (line === '') continue;
    const [, number, name, value] =
      /^\/sys\/class\/iscsi_(?:session\/session|connection\/connection)(\d+)(?::\d+)?\/(\w+):(.*)$/.exec(line) ?? [];
    if (number === undefined || name === undefined) throw new Error(`not an attribute: ${JSON.stringify(line)}`);
    const known = found.get(`session${number}`) ?? new Map<string, string>();
    if (value !== undefined && !['', '(null)', '<NULL>'].includes(value) && !known.has(name)) known.set(name, value);
    found.set(`session${number}`, known);
  }
  return new Map(
    [...found].flatMap(([session, said]) => {
      const target = said.get('targetname');
      const address = said.get('persistent_address');
      if (target === undefined || address === undefined) return [];
      const tpgt = said.get('tpgt');
      return [
        [
          session,
          {
            target,
            portal: portalOf(address, said.get('persistent_port') ?? '3260'),
            iface: said.get('ifacename') ?? 'default',
            chap: said.has('username_in')
              ? ('mutual' as const)
              : said.has('username')
                ? ('one-way' as const)
                : undefined,
            ...present({
              tpgt: tpgt === undefined ? undefined : Number(tpgt),
              initiator: said.get('initiatorname'),
              state: said.get('state'),
            }),
          },
        ] as const,
      ];
    }),
  );
}

function portalOf(address: string, port: string): string {
  return address.includes(':') ? `[${address.replace(/^\[|\]$/g, '')}]:${port}` : `${address}:${port}`;
}

/** Settings that a person makes; what is negotiated, and how, is left to the defaults of open-iscsi. */
const settings = [
  'node\\.(name|tpgt|startup|leading_login)',
  'node\\.conn\\[0\\]\\.(address|port|startup|timeo\\.noop_out_(interval|timeout)|iscsi\\.(HeaderDigest|DataDigest))',
  'node\\.session\\.(auth\\.authmethod|nr_sessions|scan|cmds_max|queue_depth|timeo\\.replacement_timeout)',
  'iface\\.(iscsi_ifacename|transport_name|net_ifacename|hwaddress|ipaddress|initiatorname|vlan_id)',
].join('|');

/** All records in one question. Of the other side's password only that there is one. */
export const recordsArgv: Argv = [
  'grep',
  '-rsHoZE',
  `^((${settings}) = .*|node\\.session\\.auth\\.username_in =)`,
  '/etc/iscsi/nodes',
  '/var/lib/iscsi/nodes',
];
/** 2: one of the places is not there. */
export const recordsOkCodes = [0, 1, 2] as const;

/** @throws Error for lines without a file */
export function parseRecords(stdout: string): NodeRecord[] {
  const files = new Map<string, Map<string, string>>();
  for (const line of stdout.split('\n')) {
    if (line === '') continue;
    const [, file, name, value = ''] = /^([^\0]+)\0(\S+) =(?: (.*))?$/.exec(line) ?? [];
    if (file === undefined || name === undefined) throw new Error(`not a setting: ${JSON.stringify(line)}`);
    files.set(file, (files.get(file) ?? new Map<string, string>()).set(name, value));
  }
  return [...files.values()].flatMap((said): NodeRecord[] => {
    const target = said.get('node.name');
    const address = said.get('node.conn[0].address');
    if (target === undefined || address === undefined) return [];
    const chap = said.get('node.session.auth.authmethod')?.startsWith('CHAP') === true;
    const mutual = said.has('node.session.auth.username_in');
    return [
      {
        target,
        portal: portalOf(address, said.get('node.conn[0].port') ?? '3260'),
        iface: said.get('iface.iscsi_ifacename') ?? 'default',
        chap: chap ? (mutual ? 'mutual' : 'one-way') : undefined,
        settings: said,
      },
    ];
  });
}

/** Targets that the firmware started from; the passwords that lie beside are not read. */
export const firmwareArgv: Argv = ['grep', '-rsh', '--include=target-name', '', '/sys/firmware/ibft'];
/** 1 and 2: there is nothing of the kind. */
export const firmwareOkCodes = [0, 1, 2] as const;

export function parseFirmware(stdout: string): Set<string> {
  return new Set(stdout.split('\n').filter((line) => line !== ''));
}

/** By what name this host logs in, where no interface has one of its own. */
export const initiatorFile = '/etc/iscsi/initiatorname.iscsi';

export function parseInitiator(content: string): string | undefined {
  return /^InitiatorName=(\S+)/m.exec(content)?.[1];
}
