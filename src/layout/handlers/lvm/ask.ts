/** The questions to LVM: three reports for all its kinds, and one for the text of each group. */
import type { Asker } from '../../../host/asker.ts';
import { bounded } from '../../../host/bounded.ts';
import type { Argv } from '../../../host/host.ts';
import type { Probes } from '../../probes.ts';
import type { BlockDevice } from '../../tools/lsblk.ts';
import {
  complaints,
  ignoring,
  lvsArgv,
  metadataArgv,
  metadataFlags,
  parseLvs,
  parseMetadata,
  parsePvs,
  parseVgs,
  pvsArgv,
  reportOkCodes,
  type Row,
  vgsArgv,
} from '../../tools/lvm.ts';

export const memberType = 'LVM2_member';

/** A physical volume: a device that was seen, a row of the report, or both. */
export interface Physical {
  readonly id: string;
  readonly device?: BlockDevice;
  readonly row?: Row;
}

export interface Lvm {
  readonly physical: readonly Physical[];
  readonly groups: readonly Row[];
  /** One for each segment. */
  readonly segments: readonly Row[];
  /** Texts of metadata by the UUIDs of groups. */
  readonly texts: ReadonlyMap<string, string>;
  /** Words of the texts by the UUIDs of what they are said of. */
  readonly flags: ReadonlyMap<string, readonly string[]>;
}

const asked = new WeakMap<Probes, Promise<Lvm>>();

/** Asked once for the three kinds, and only where something of LVM was seen. */
export function askLvm(probes: Probes, asker: Asker): Promise<Lvm> {
  const known = asked.get(probes);
  if (known !== undefined) return known;
  const answer = askReports(probes, asker);
  asked.set(probes, answer);
  return answer;
}

async function askReports(probes: Probes, asker: Asker): Promise<Lvm> {
  const seen = probes.devices.some(
    ({ fstype, mapping }) => fstype === memberType || mapping?.uuid.startsWith('LVM-') === true,
  );
  if (!seen) return { physical: [], groups: [], segments: [], texts: new Map(), flags: new Map() };
  const paths = probes.devices.filter(({ fstype }) => fstype === memberType).map(({ path }) => path);
  const [volumes, groups = [], segments = []] = await Promise.all([
    askReport(asker, pvsArgv, parsePvs, paths),
    askReport(asker, vgsArgv, parseVgs, paths),
    askReport(asker, lvsArgv, parseLvs, paths),
  ]);
  const physical = physicalOf(probes, volumes ?? []);
  if (volumes !== undefined) {
    for (const { device, row } of physical) {
      if (row !== undefined || device === undefined) continue;
      asker.gap({
        subject: device.path,
        problem: 'it says that it is a physical volume of LVM, and pvs lists no such one',
        hint: 'pvs -a -v tells what LVM thinks of it; a filter or devices file of lvm.conf may leave it out',
      });
    }
  }
  const texts = await askTexts(physical, bounded(asker));
  const flags = new Map([...texts.values()].flatMap((text) => [...metadataFlags(text)]));
  return { physical, groups, segments, texts, flags };
}

async function askReport(
  asker: Asker,
  argv: Argv,
  parse: (stdout: string) => Row[],
  volumes: readonly string[],
): Promise<Row[] | undefined> {
  // Of groups on other devices than those that do not answer all can be told.
  const without = (): Argv =>
    ignoring(argv, asker.dead.size === 0 ? undefined : volumes.filter((path) => !asker.dead.has(path)));
  const first = asker.dead.size === 0 ? argv : without();
  const rows = await askOnce(asker, first, parse, first !== argv);
  if (rows !== undefined || !asker.didNotAnswer(first)) return rows;
  // Which these are, others find out at the same time.
  await asker.settled();
  return await askOnce(asker, without(), parse, true);
}

async function askOnce(
  asker: Asker,
  argv: Argv,
  parse: (stdout: string) => Row[],
  around = false,
): Promise<Row[] | undefined> {
  return await asker.ask({
    argv,
    around,
    okCodes: reportOkCodes,
    parse: (stdout, stderr) => {
      const rows = parse(stdout);
      // Three reports say the same of one trouble.
      for (const problem of complaints(stderr)) asker.gap({ subject: 'lvm', problem, hint: 'see what vgs -v says' });
      return rows;
    },
  });
}

/** What was seen on devices, with what is said of it; then what LVM knows and nobody saw, such as what is missing. */
function physicalOf(probes: Probes, rows: readonly Row[]): Physical[] {
  const left = new Set(rows);
  const take = (accept: (row: Row) => boolean): Row | undefined => {
    const row = [...left].find(accept);
    if (row !== undefined) left.delete(row);
    return row;
  };
  const found = probes.devices
    .filter((device) => device.fstype === memberType)
    .map((device): Physical => {
      const row = take((one) => numberOf(one) === device.number) ?? take((one) => one.text('pv_uuid') === device.uuid);
      const id = probes.contentIds.get(device.number) ?? device.number;
      return { id, device, ...(row === undefined ? {} : { row }) };
    });
  const ids = new Set(found.map(({ id }) => id));
  const others = [...left]
    .map((row): Physical => {
      const device = probes.devices.find(({ number }) => number === numberOf(row));
      return { id: `pv:${row.needed('pv_uuid')}`, row, ...(device === undefined ? {} : { device }) };
    })
    .filter(({ id }) => !ids.has(id));
  return [...found, ...others];
}

/** Of a missing one both are 0. */
const numberOf = (row: Row): string => `${row.text('pv_major') ?? ''}:${row.text('pv_minor') ?? ''}`;

/** From one device of each group that holds the text; the others hold the same. */
async function askTexts(physical: readonly Physical[], asker: Asker): Promise<Map<string, string>> {
  const holders = new Map<string, string>();
  const unused = ({ row }: Physical): number =>
    (row?.number('pv_mda_count') ?? 0) - (row?.number('pv_mda_used_count') ?? 0);
  // pvck shows the first copy, and nothing where that is not used.
  for (const { device, row } of physical.toSorted((a, b) => unused(a) - unused(b))) {
    const group = row?.text('vg_uuid');
    if (device === undefined || group === undefined || holders.has(group)) continue;
    if (row?.positive('pv_mda_used_count') !== undefined) holders.set(group, device.path);
  }
  const texts = await Promise.all(
    [...holders].map(async ([group, device]) => {
      const text = await asker.ask({
        argv: metadataArgv(device),
        parse: parseMetadata,
        subject: `metadata of LVM on ${device}`,
      });
      return text === undefined ? [] : [[group, text] as const];
    }),
  );
  return new Map(texts.flat());
}
