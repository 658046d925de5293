import { mkdir, readFile, readlink, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryDirectory } from '../../test/helpers/temporary.ts';
import { addFirmware } from './firmware.ts';
import type { Tools } from './tools.ts';

/** As modinfo of kmod 34 writes with `-0`, but for fields that do not matter here. */
const said = [
  'filename:       /m/kernel/drivers/net/ethernet/broadcom/bnx2x/bnx2x.ko.xz',
  'firmware:       bnx2x/bnx2x-e2-7.13.21.0.fw',
  'firmware:       bnx2x/bnx2x-e2-7.0.0.fw',
  'depends:        mdio',
  'filename:       /m/kernel/drivers/scsi/hpsa.ko',
  'license:        GPL',
  'filename:       /m/kernel/drivers/net/ethernet/intel/ice/ice-x.ko.zst',
  'firmware:       intel/ice/ddp/ice*.pkg',
  'filename:       /m/kernel/drivers/scsi/qla2xxx.ko',
  'firmware:       ql2500_fw.bin',
].map((field) => `${field}\0`);

const tools: Tools = {
  file: (path) => path,
  argv: async (program, args) => await Promise.resolve([program, ...args]),
  run: async () => await Promise.resolve({ code: 0, stdout: Buffer.from(said.join('')), stderr: '' }),
};

test('what modules ask for goes in, packed or not, from where it is looked for first; who gets nothing is told', async ({
  signal,
}) => {
  await using work = await temporaryDirectory();
  const [first, second, root] = ['updates', 'plain', 'root'].map((name) => join(work.path, name));
  if (first === undefined || second === undefined || root === undefined) throw new Error('three names');
  for (const path of [join(first, 'bnx2x'), join(second, 'bnx2x'), join(second, 'intel/ice/ddp')])
    await mkdir(path, { recursive: true });
  await writeFile(join(first, 'bnx2x/bnx2x-e2-7.13.21.0.fw.xz'), 'new');
  await writeFile(join(second, 'bnx2x/bnx2x-e2-7.13.21.0.fw'), 'old');
  await writeFile(join(second, 'intel/ice/ddp/ice-1.3.pkg.zst'), 'ice');
  await symlink('ice-1.3.pkg.zst', join(second, 'intel/ice/ddp/ice.pkg.zst'));
  await writeFile(join(second, 'not-asked-for.bin'), '');
  const unserved = await addFirmware(['/m/some.ko'], [first, join(work.path, 'none'), second], root, tools, signal);
  expect(unserved).toEqual([{ module: 'qla2xxx', firmware: ['ql2500_fw.bin'] }]);
  const at = (name: string) => join(root, 'usr/lib/firmware', name);
  expect(await readFile(at('bnx2x/bnx2x-e2-7.13.21.0.fw.xz'), 'utf8')).toBe('new');
  expect(await readFile(at('intel/ice/ddp/ice.pkg.zst'), 'utf8')).toBe('ice');
  await expect(readlink(at('intel/ice/ddp/ice.pkg.zst'))).rejects.toThrow('EINVAL');
  for (const name of ['not-asked-for.bin', 'bnx2x/bnx2x-e2-7.13.21.0.fw'])
    await expect(readFile(at(name))).rejects.toThrow('ENOENT');
});
