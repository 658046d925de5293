import { z } from 'zod';
import { present } from '../../kernel/present.ts';
import { formatBytes } from '../../kernel/units.ts';
import { bytes, carriers, common, type LayoutHandler, missing, text } from '../handler.ts';
import { partitionNumber } from '../identity.ts';
import type { Probes } from '../probes.ts';
import type { BlockDevice } from '../tools/lsblk.ts';
import { tableId } from './table.ts';

const schema = z.object({
  kind: z.literal('partition'),
  ...common,
  /** Path as last seen: no identity. */
  device: z.string(),
  number: z.number().int().nonnegative(),
  /** Of an MBR: a logical partition stands on the extended one. */
  role: z.enum(['primary', 'extended', 'logical']).exactOptional(),
  sizeBytes: bytes,
  startBytes: bytes.exactOptional(),
  /** GPT type GUID, or MBR id as `0x83`. */
  typeId: text,
  name: text,
  partUuid: text,
  /** GPT attributes, or the MBR's active flag, as a hexadecimal number; absent when there are none. */
  flags: text,
});

type Partition = z.infer<typeof schema>;

const isExtended = (typeId: string | undefined): boolean => /^0x0*(5|f|85)$/i.test(typeId ?? '');

export const partition: LayoutHandler<Partition> = {
  kind: 'partition',
  schema,
  under: [...carriers, 'table'],
  async capture(probes) {
    const byNumber = new Map(probes.devices.map((device) => [device.number, device]));
    return probes.devices.filter(({ type }) => type === 'part').map((device) => partitionOf(device, byNumber, probes));
  },
  title({ device, number, role, sizeBytes, name, typeId }) {
    const type = typeId === undefined ? undefined : (typeNames[typeId.toLowerCase()] ?? typeId);
    return [
      `partition ${number}`,
      device,
      formatBytes(sizeBytes),
      role === 'logical' ? 'logical' : undefined,
      type,
      name === undefined ? undefined : `"${name}"`,
    ]
      .filter((part) => part !== undefined)
      .join('  ');
  },
  coverage({ typeId }, { carrying }) {
    // An extended partition only holds the table of the logical ones.
    if (carrying || isExtended(typeId)) return undefined;
    return missing('no filesystem was seen on it: if it holds data, nothing of it is backed up');
  },
  volatile: ['device'],
  risk: ({ change }) => (change === 'added' ? 'data' : 'appearance'),
};

function partitionOf(device: BlockDevice, byNumber: ReadonlyMap<string, BlockDevice>, probes: Probes): Partition {
  const parent = byNumber.get(device.parents[0] ?? '');
  const number = partitionNumber(device);
  const table = parent === undefined ? undefined : probes.tables.get(parent.number);
  const found = table?.partitions.find((entry) => entry.number === number);
  const typeId = device.partType?.toLowerCase() ?? found?.typeId;
  const role = (parent?.table ?? device.table) === 'dos' ? roleOf(number, typeId) : undefined;
  return {
    kind: 'partition',
    id: probes.ids.get(device.number) ?? device.number,
    on: [under(device, parent, role, probes)],
    device: device.path,
    number,
    // Of an extended partition the kernel shows only the first sectors.
    sizeBytes: (role === 'extended' ? found?.sizeBytes : undefined) ?? device.sizeBytes,
    ...present({
      role,
      startBytes: device.startBytes ?? found?.startBytes,
      typeId,
      name: device.partName ?? found?.name,
      partUuid: device.partUuid ?? found?.uuid,
      flags: device.partFlags ?? found?.flags,
    }),
  };
}

function roleOf(number: number, typeId: string | undefined): Partition['role'] {
  if (number > 4) return 'logical';
  return isExtended(typeId) ? 'extended' : 'primary';
}

/** The extended partition for a logical one, else the table, else the disk whose table nobody could read. */
function under(device: BlockDevice, parent: BlockDevice | undefined, role: Partition['role'], probes: Probes): string {
  if (parent === undefined) return device.parents[0] ?? device.number;
  const extended = probes.devices.find(
    ({ type, parents, partType }) => type === 'part' && parents.includes(parent.number) && isExtended(partType),
  );
  const id = probes.ids.get(parent.number) ?? parent.number;
  if (role === 'logical' && extended !== undefined) return probes.ids.get(extended.number) ?? extended.number;
  return parent.table === undefined ? id : tableId(id);
}

/** Types that a reader should know by name. */
const typeNames: Readonly<Record<string, string>> = {
  'c12a7328-f81f-11d2-ba4b-00a0c93ec93b': 'EFI system',
  'bc13c2ff-59e6-4262-a352-b275fd6f7172': 'Linux extended boot',
  '21686148-6449-6e6f-744e-656564454649': 'BIOS boot',
  '9e1a2d38-c612-4316-aa26-8b49521e5a8b': 'PReP boot',
  '0fc63daf-8483-4772-8e79-3d69d8477de4': 'Linux',
  '0657fd6d-a4ab-43c4-84e5-0933c84b4f4f': 'Linux swap',
  'e6d6d379-f507-44c2-a23c-238f2a3df928': 'Linux LVM',
  'a19d880f-05fc-4d3b-a006-743f0f84911e': 'Linux RAID',
  '933ac7e1-2eb4-4f13-b844-0e14e2aef915': 'Linux home',
  '4f68bce3-e8cd-4db1-96e7-fbcaf984b709': 'Linux root x86-64',
  'b921b045-1df0-41c3-af44-4c6f280d3fae': 'Linux root arm64',
  'ca7d7ccb-63ed-4c53-861c-1742536059cc': 'LUKS',
  'ebd0a0a2-b9e5-4433-87c0-68b6b72699c7': 'Microsoft data',
  'e3c9e316-0b5c-4db8-817d-f92df00215ae': 'Microsoft reserved',
  '0x5': 'extended',
  '0xf': 'extended',
  '0x85': 'extended',
  '0x1': 'FAT12',
  '0x6': 'FAT16',
  '0xb': 'FAT32',
  '0xc': 'FAT32',
  '0x7': 'NTFS',
  '0x82': 'Linux swap',
  '0x83': 'Linux',
  '0x8e': 'Linux LVM',
  '0xea': 'Linux extended boot',
  '0xef': 'EFI system',
  '0xfd': 'Linux RAID',
};
