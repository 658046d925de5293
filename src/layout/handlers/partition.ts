import { present } from '../../kernel/present.ts';
import { formatBytes } from '../../kernel/units.ts';
import type { LayoutHandler } from '../handler.ts';
import { partitionNumber } from '../identity.ts';

export const partition: LayoutHandler<'partition'> = {
  kind: 'partition',
  capture(probes) {
    const byNumber = new Map(probes.devices.map((device) => [device.number, device]));
    const partitions = probes.devices.filter(({ type }) => type === 'part');
    return {
      gaps: [],
      components: partitions.map((device) => ({
        kind: 'partition',
        id: probes.ids.get(device.number) ?? device.number,
        on: device.parents.map((number) => probes.ids.get(number) ?? number),
        device: device.path,
        number: partitionNumber(device),
        sizeBytes: device.sizeBytes,
        ...present({
          table: device.table ?? byNumber.get(device.parents[0] ?? '')?.table,
          startBytes: device.startBytes,
          typeId: device.partType,
          name: device.partName,
          partUuid: device.partUuid,
          flags: device.partFlags,
        }),
      })),
    };
  },
  title({ device, number, sizeBytes, name, typeId }) {
    const type = typeId === undefined ? undefined : (typeNames[typeId.toLowerCase()] ?? typeId);
    return [`partition ${number}`, device, formatBytes(sizeBytes), type, name === undefined ? undefined : `"${name}"`]
      .filter((part) => part !== undefined)
      .join('  ');
  },
};

/** Types that a reader should know by name. */
const typeNames: Readonly<Record<string, string>> = {
  'c12a7328-f81f-11d2-ba4b-00a0c93ec93b': 'EFI system',
  '21686148-6449-6e6f-744e-656564454649': 'BIOS boot',
  '0fc63daf-8483-4772-8e79-3d69d8477de4': 'Linux',
  '0657fd6d-a4ab-43c4-84e5-0933c84b4f4f': 'Linux swap',
  'e6d6d379-f507-44c2-a23c-238f2a3df928': 'Linux LVM',
  'a19d880f-05fc-4d3b-a006-743f0f84911e': 'Linux RAID',
  '4f68bce3-e8cd-4db1-96e7-fbcaf984b709': 'Linux root x86-64',
  'ebd0a0a2-b9e5-4433-87c0-68b6b72699c7': 'Microsoft data',
  '0x5': 'extended',
  '0xf': 'extended',
  '0x82': 'Linux swap',
  '0x83': 'Linux',
  '0x8e': 'Linux LVM',
  '0xef': 'EFI system',
  '0xfd': 'Linux RAID',
};
