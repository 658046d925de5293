/** Connections to disks of a storage system by iSCSI: those that are there, and those that records say shall be. */
import { z } from 'zod';
import { present } from '../../kernel/present.ts';
import { common, type LayoutHandler, missing, text } from '../handler.ts';
import { endpointId, loggedIn } from '../iscsi.ts';
import {
  firmwareArgv,
  firmwareOkCodes,
  initiatorFile,
  type NodeRecord,
  parseFirmware,
  parseInitiator,
  parseRecords,
  recordsArgv,
  recordsOkCodes,
  type Session,
} from '../tools/iscsi.ts';

const schema = z.object({
  kind: z.literal('iscsi'),
  ...common,
  target: z.string(),
  /** Address and port. */
  portal: z.string(),
  /** Target portal group. */
  tpgt: z.number().exactOptional(),
  /** Of open-iscsi: which card or address it goes out by; absent for `default`. */
  interface: text,
  /** The name by which the storage system knows this host. */
  initiator: text,
  /** Who proves that he knows a password, which is never read; absent where nobody does. */
  chap: z.enum(['one-way', 'mutual']).exactOptional(),
  /** The firmware makes it, to start from. */
  firmware: z.literal(true).exactOptional(),
  /** `automatic`, `manual`, `onboot`; absent where no record says so: then nothing makes it again. */
  startup: text,
  /** Whether the session is there. */
  connected: z.boolean(),
  /** As the kernel says, where it is not `LOGGED_IN`. */
  state: text,
  /** Of its record, as open-iscsi names them. */
  settings: z.record(z.string(), z.string()).exactOptional(),
});

type Iscsi = z.infer<typeof schema>;

export const iscsi: LayoutHandler<Iscsi> = {
  kind: 'iscsi',
  schema,
  under: [],
  askedBy: ['bus paths of disks', 'sessions of iSCSI', 'records of iSCSI', 'iSCSI of the firmware', initiatorFile],
  async capture({ sessions }, asker) {
    // What records say shall be there may not be there now.
    const records = await asker.ask({
      argv: recordsArgv,
      okCodes: recordsOkCodes,
      parse: parseRecords,
      subject: 'records of iSCSI',
    });
    if (sessions.all.size === 0 && (records ?? []).length === 0) return [];
    const [firmware, initiator] = await Promise.all([
      asker.ask({
        argv: firmwareArgv,
        okCodes: firmwareOkCodes,
        parse: parseFirmware,
        subject: 'iSCSI of the firmware',
      }),
      asker.file(initiatorFile, parseInitiator, { mayBeAbsent: true }),
    ]);
    return componentsOf([...sessions.all.values()], records ?? [], firmware ?? new Set(), initiator);
  },
  title({ target, portal, interface: way, chap, firmware, startup, connected, state }) {
    return [
      `iSCSI ${target}`,
      `at ${portal}`,
      way === undefined ? undefined : `by ${way}`,
      chap === undefined ? undefined : chap === 'mutual' ? 'mutual CHAP' : 'CHAP',
      firmware === true ? 'made by the firmware' : startup === undefined ? 'no record of it' : `login ${startup}`,
      connected ? undefined : 'not connected',
      state?.toLowerCase().replaceAll('_', ' '),
    ]
      .filter((part) => part !== undefined)
      .join('  ');
  },
  coverage({ connected, startup }) {
    if (connected || startup === 'manual') return undefined;
    return missing('not connected: the disks that come by it cannot be read');
  },
  volatile: ['connected', 'state'],
  risk: ({ change }) => (change === 'added' ? 'data' : 'appearance'),
};

function componentsOf(
  sessions: readonly Session[],
  records: readonly NodeRecord[],
  firmware: ReadonlySet<string>,
  initiator: string | undefined,
): Iscsi[] {
  const live = new Map(sessions.map((session) => [endpointId(session), session]));
  const kept = new Map(records.map((record) => [endpointId(record), record]));
  return [...new Set([...live.keys(), ...kept.keys()])].sort().flatMap((id): Iscsi[] => {
    const session = live.get(id);
    const record = kept.get(id);
    const one = session ?? record;
    if (one === undefined) return [];
    const tpgt = session?.tpgt ?? Number(record?.settings.get('node.tpgt') ?? Number.NaN);
    const state = session?.state;
    return [
      {
        kind: 'iscsi',
        id,
        on: [],
        target: one.target,
        portal: one.portal,
        connected: session !== undefined,
        ...present({
          tpgt: Number.isNaN(tpgt) ? undefined : tpgt,
          interface: one.iface === 'default' ? undefined : one.iface,
          initiator: session?.initiator ?? record?.settings.get('iface.initiatorname') ?? initiator,
          chap: record?.chap ?? session?.chap,
          firmware: firmware.has(one.target) ? (true as const) : undefined,
          startup: record?.settings.get('node.startup'),
          state: state === loggedIn ? undefined : state,
          settings: record === undefined ? undefined : settingsOf(record),
        }),
      },
    ];
  });
}

/** What is not told by the component itself. */
function settingsOf({ settings }: NodeRecord): Record<string, string> {
  const told =
    /^(node\.(name|tpgt|startup|conn\[0\]\.(address|port)|session\.auth\..*)|iface\.(iscsi_ifacename|initiatorname))$/;
  return Object.fromEntries([...settings].filter(([name]) => !told.test(name)).sort(([a], [b]) => (a < b ? -1 : 1)));
}
