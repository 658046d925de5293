/**
 * The tools that make an initial filesystem, themselves, in a chroot as a recovery has it: with the devices of this machine, a `/run` of its
 * own, and mounts that nobody else sees.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { finish } from '../../src/finalize/finish.ts';
import { initramfs } from '../../src/finalize/initramfs.ts';
import { siteOf } from '../../src/finalize/site.ts';
import { localHost } from '../../src/host/local.ts';
import { recordedHost } from '../../src/host/recorded.ts';
import { captureLayout } from '../../src/layout/capture.ts';
import type { Component, Layout } from '../../src/layout/types.ts';
import { bindKernel } from '../../src/recover/new-root.ts';
import { bootMachine } from '../helpers/boot-machines.ts';
import { facts, noNetwork, rebuiltOf } from '../helpers/finish-scene.ts';
import { mountedAt } from '../helpers/restored-root.ts';
import { mountNamespace, namespaceObstacle } from '../helpers/mount-namespace.ts';
import { temporaryDirectory } from '../helpers/temporary.ts';
import { unpackedPackages } from '../lab/packages.ts';

const { signal } = new AbortController();
const base = 'bash dash coreutils findutils util-linux mount grep sed gzip zstd cpio kmod udev busybox libc-bin'.split(
  ' ',
);
const packages = [...base, 'linux-image-cloud-amd64', 'initramfs-tools', 'dracut-core'];

let tree = '';
let version = '';
let reason: string | undefined;
beforeAll(async () => {
  try {
    reason = namespaceObstacle();
    if (reason === undefined) tree = await unpackedPackages('bookworm', packages);
    await using host = localHost();
    if (tree !== '') {
      const { stdout } = await host.run(
        ['ls', join(tree, 'usr/lib/modules'), join(tree, 'lib/modules')],
        { okCodes: [0, 2] },
        signal,
      );
      version = /^\d\S*$/m.exec(stdout.toString())?.[0] ?? '';
    }
  } catch (error) {
    reason = ` (skipped: ${String(error)})`;
  }
  if (reason !== undefined) console.log(`initial filesystems by their own tools${reason}`);
}, 600_000);

const image = (): string => `/boot/initrd.img-${version}`;

/** A machine with that kernel, made by this tool. */
async function machine(tool: string): Promise<Layout> {
  const layout = await captureLayout(
    recordedHost(bootMachine('debian12-bios')),
    new Date('2026-11-21T12:00:00Z'),
    signal,
  );
  const installed = [{ version, image: `/boot/vmlinuz-${version}`, initramfs: image(), running: true }];
  return {
    ...layout,
    components: layout.components.map(
      (one): Component =>
        one.kind === 'boot'
          ? { ...one, kernels: { installed }, initramfs: { tool, installed: [tool], config: [] } }
          : one,
    ),
  };
}

test.for(['initramfs-tools', 'dracut'])('%s makes one that was lost', { timeout: 600_000 }, async (tool, context) => {
  context.skip(reason !== undefined);

  await using directory = await temporaryDirectory();
  const place = (name: string): string => join(directory.path, name);
  const [root, upper, work] = [place('root'), place('upper'), place('work')];
  for (const path of [root, upper, work]) await mkdir(path);
  await using host = await mountNamespace();
  const layers = `lowerdir=${tree},upperdir=${upper},workdir=${work}`;
  await host.run(['mount', '-t', 'overlay', '-o', layers, 'overlay', root], {}, signal);
  await bindKernel(root, host, signal);
  // As the package of the kernel does when it is installed.
  await host.run(['chroot', root, 'depmod', version], {}, signal);
  const captured = await machine(tool);
  const here = (one: Component): Component =>
    one.kind === 'mount' ? { ...one, path: one.path.replace(mountedAt, root) } : one;
  const scene = {
    root,
    captured: { layout: captured, network: noNetwork, facts },
    layout: rebuiltOf(captured, (one) => [here(one)]),
    network: noNetwork,
    firmware: 'bios',
    clone: false,
  } as const;
  const deeds = await initramfs.plan({ ...siteOf(scene, host, []), earlier: [] }, signal);
  expect(deeds).toMatchObject([{ why: `${image()} is not there` }]);
  await host.run(['chroot', root, 'mkdir', '-p', '/var/lib'], {}, signal);
  const { done, findings } = await finish(scene, { deeds, findings: [] }, { host, say: () => undefined }, signal);
  expect([done.length, findings]).toEqual([1, []]);
  const list = tool === 'dracut' ? 'lsinitrd' : 'lsinitramfs';
  const { stdout } = await host.run(['chroot', root, list, image()], { timeoutMs: 120_000 }, signal);
  expect(stdout.toString()).toMatch(/\/virtio_blk\.ko/);
});
