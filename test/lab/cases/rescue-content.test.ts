/** What rescue media are made of: a base that is the same for everybody, and kernels of other systems. */
import { hash } from 'node:crypto';
import { access, mkdir, readFile, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { localHost } from '../../../src/host/local.ts';
import { mediumTools } from '../../../src/media/base.ts';
import { makeRoot } from '../../../src/media/base-root.ts';
import { openDebian, packageSchema } from '../../../src/media/debian.ts';
import { kernelsBelow } from '../../../src/media/kernel.ts';
import { packLayer } from '../../../src/media/squashfs.ts';
import { cachedDirectory, lockWhenFree } from '../../helpers/cache.ts';
import { output } from '../../helpers/child-process.ts';
import { root } from '../../helpers/cli.ts';
import { ofToday } from '../../helpers/suite.ts';
import { temporaryDirectory } from '../../helpers/temporary.ts';
import { builderPackages } from '../builder/packages.ts';
import { inTree, unpackedPackages } from '../packages.ts';
import { rescueMedium, rescueState, startRescue } from '../rescue.ts';

const timeout = 3_600_000;
const host = localHost();
const rescue = join(root, 'rescue');
const cache = join(rescueState, 'rescue/cache');
const lockSchema = z.object({ suite: z.string(), packages: z.array(packageSchema) });

/** Programs that are called by name, by a person or by what lifeboat starts. */
const wanted =
  'age awk bash btrfs busybox bzip2 cryptsetup dd ddrescue dmidecode e2fsck efibootmgr ethtool fsck.fat gdisk gzip hdparm ip iscsiadm kpartx less lsblk lspci ' +
  'lsusb lvm mdadm mkfs.btrfs mkfs.ext4 mkfs.f2fs mkfs.vfat mkfs.xfs modprobe mount.cifs mount.nfs multipath nano nft node nvme parted ping ps restic rsync ' +
  'sfdisk sgdisk sh smartctl ss ssh sshd tar tcpdump teamd thin_check traceroute udevadm vdoformat vi wg xfs_repair xz zstd';

const scenes: readonly { readonly name: string; readonly run: (signal: AbortSignal) => Promise<void> }[] = [
  {
    name: 'the base has what people and lifeboat call, and is the same bytes whoever makes it',
    async run(signal) {
      await using work = await temporaryDirectory();
      const { suite, packages } = lockSchema.parse(JSON.parse(await readFile(join(rescue, 'packages.lock'), 'utf8')));
      const options = { rescue, lock: join(work.path, 'none'), cache, node: process.execPath, say: () => {} };
      await using lock = await lockWhenFree(join(rescueState, 'making'));
      const tools = await mediumTools(host, options, signal);
      const archives = await (await openDebian(host, { suite, directory: join(cache, 'apt') }, signal)).fetch(
        packages,
        signal,
      );
      await lock[Symbol.asyncDispose]();
      const digests = new Set<string>();
      const before = process.umask();
      try {
        for (const mask of [0o022, 0o077]) {
          process.umask(mask);
          const tree = join(work.path, `root-${mask}`);
          await mkdir(tree);
          await makeRoot(host, { archives, node: process.execPath, tools }, tree, signal);
          const places = (name: string) => ['bin', 'sbin'].map((place) => access(join(tree, 'usr', place, name)));
          for (const name of wanted.split(' ')) await Promise.any(places(name)).catch(() => expect.fail(`no ${name}`));
          const file = join(work.path, 'packed');
          await packLayer(tools, tree, file, { packed: 'often' }, signal);
          digests.add(hash('sha256', await readFile(file)));
          await rm(tree, { recursive: true });
        }
      } finally {
        process.umask(before);
      }
      expect(digests.size).toBe(1);
    },
  },
  {
    name: 'the kernel of another release starts it',
    async run(signal) {
      const { file, medium } = await rescueMedium({ kernel: await bookwormKernel() });
      expect(medium.kernel.version).toMatch(/^6\.1\..*-amd64$/);
      await using machine = await startRescue(file, { as: 'stick', disks: [{ serial: 'A', bytes: 64 << 20 }] }, signal);
      await machine.menu(signal);
      await using inside = await machine.host(signal);
      const said = async (...argv: [string, ...string[]]) =>
        (await inside.run(argv, {}, signal)).stdout.toString().trim();
      expect(await said('uname', '-r')).toBe(medium.kernel.version);
      expect(await said('lsblk', '-dno', 'SERIAL,RO')).toMatch(/^A +1$/m);
    },
  },
];

/** A root with nothing in it but Debian 12's kernel, and an index of its modules. */
async function bookwormKernel(): Promise<string> {
  const tree = await unpackedPackages('bookworm', builderPackages);
  const [version = ''] = await kernelsBelow(tree);
  return await cachedDirectory(`lab/kernel/bookworm-${version.replaceAll('-', '_')}`, async (work) => {
    await mkdir(join(work, 'usr/lib'), { recursive: true });
    await output('cp', '-al', join(tree, 'boot'), work);
    await output('cp', '-al', join(tree, 'usr/lib/modules'), join(work, 'usr/lib'));
    // One program under several names.
    const depmod = join(work, 'depmod');
    await symlink(join(tree, 'usr/bin/kmod'), depmod);
    await inTree(tree, depmod, '-b', join(work, 'usr'), version);
  });
}

for (const { name, run } of ofToday(scenes, new Date()))
  test(name, { timeout }, async ({ signal }) => await run(signal));
