import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { deviceIds } from './identity.ts';
import { claimsOf } from './stacked.ts';
import type { BlockDevice } from './tools/lsblk.ts';

test('ids are unique and do not depend on names or order', () => {
  const disk = fc.record({
    serial: fc.option(fc.constantFrom('A', 'B'), { nil: undefined }),
    wwn: fc.option(fc.constantFrom('0x1', '0x2'), { nil: undefined }),
    sizeBytes: fc.constantFrom(1, 2),
  });
  fc.assert(
    fc.property(fc.array(disk, { maxLength: 6 }), fc.infiniteStream(fc.nat()), (disks, order) => {
      const devices = disks.map(
        ({ serial, wwn, sizeBytes }, index): BlockDevice => ({
          number: `8:${index * 16}`,
          name: `sd${index}`,
          path: `/dev/sd${index}`,
          type: 'disk',
          parents: [],
          sizeBytes,
          readOnly: false,
          removable: false,
          rotational: false,
          ...(serial === undefined ? {} : { serial }),
          ...(wwn === undefined ? {} : { wwn }),
        }),
      );
      const places = new Map(devices.map(({ number }, index) => [number, `pci/${index}`]));
      const ids = deviceIds(devices, places, claimsOf([]));
      expect(new Set(ids.values()).size).toBe(devices.length);
      const shuffled = devices
        .map((device) => ({ device, key: order.next().value }))
        .sort((a, b) => a.key - b.key)
        .map(({ device }, index) => ({ ...device, name: `other${index}` }));
      expect(deviceIds(shuffled, places, claimsOf([]))).toEqual(ids);
    }),
  );
});
