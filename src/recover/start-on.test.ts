import { open, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { layoutOf } from '../../test/helpers/small-layout.ts';
import { temporaryDirectory } from '../../test/helpers/temporary.ts';
import type { Host } from '../host/host.ts';
import { localHost } from '../host/local.ts';
import { type Mark, markContent } from '../layout/rebuild/mark.ts';
import type { Component, ComponentOf } from '../layout/types.ts';
import { startOn } from './start-on.ts';

const size = 4 << 20;
const partUuid = '0b0f1a4e-0002-4000-8000-000000000a02';
const said = `BootOrder: 0002\nBoot0002* debian\tHD(1,GPT,${partUuid},0x800,0x32000)/\\EFI\\debian\\shimx64.efi\n`;
const at = (time: string): Date => new Date(`2026-11-22T${time}:00.000Z`);

test('the machine is started from here once in a while, and not again and again', async ({ signal }) => {
  await using place = await temporaryDirectory();
  await using local = localHost();
  const device = join(place.path, 'disk');
  const rest = { rotational: false, removable: false, readOnly: false };
  const disk: ComponentOf<'disk'> = { kind: 'disk', id: 'disk:A', on: [], device, sizeBytes: size, ...rest };
  const table: Component = { kind: 'table', id: 'table:A', on: [disk.id], type: 'gpt' };
  const esp = { on: [table.id], device: '', number: 1, sizeBytes: 1, partUuid };
  const here = layoutOf(disk, table, { kind: 'partition', id: 'partition:1', ...esp });
  const told: string[] = [];
  const host: Host = {
    ...local,
    run: async (argv, options, inner) => {
      if (!['efibootmgr', 'mount'].includes(argv[0])) return await local.run(argv, options, inner);
      told.push(argv.join(' '));
      return { code: 0, stdout: Buffer.from(said), stderr: '' };
    },
  };
  const started = async (time: string) => {
    told.length = 0;
    return [await startOn(here, at(time), host, signal), told.some((one) => one.includes('--bootnext'))];
  };
  const write = async (recovered: Mark['recovered']) => {
    await writeFile(device, '');
    await truncate(device, size);
    const mark: Mark = {
      plan: 'p',
      of: 'o',
      disk: disk.id,
      at: at('06:00').toISOString(),
      disks: [],
      was: 'blank',
      makes: [],
    };
    const content = markContent({ ...mark, ...(recovered === undefined ? {} : { recovered }) });
    await using file = await open(device, 'r+');
    await file.write(content, 0, content.length, (1 << 20) - content.length);
  };
  await write({ point: 'p1' });
  expect(await started('06:10')).toEqual(['started', true]);
  expect(await started('06:15')).toEqual(['again', false]);
  // The clock was wrong then.
  expect(await started('05:50')).toEqual(['again', false]);
  expect(await started('09:00')).toEqual(['started', true]);
  expect(await started('09:05')).toEqual(['again', false]);
  await write(undefined);
  expect(await started('06:10')).toEqual(['never', false]);
});
