/**
 * All recorded filesystems, made anew in files by the tools of each release: what the same tools then say of them is what was recorded. No
 * machine is needed for that, so each release can make what it had itself, and what all older ones had.
 */
import { spawnSync } from 'node:child_process';
import { closeSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs';
import { chmod, mkdir, open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { recordedHost } from '../../../src/host/recorded.ts';
import { captureLayout } from '../../../src/layout/capture.ts';
import { parseDumpe2fs } from '../../../src/layout/handlers/ext.ts';
import { parseSuperblock } from '../../../src/layout/handlers/f2fs.ts';
import { parseJfs } from '../../../src/layout/handlers/jfs.ts';
import { parseNtfs } from '../../../src/layout/handlers/ntfs.ts';
import { parseBootSector } from '../../../src/layout/handlers/vfat.ts';
import { parseXfsDb } from '../../../src/layout/handlers/xfs.ts';
import type { Site } from '../../../src/layout/rebuild/builder.ts';
import { builderOf } from '../../../src/layout/rebuild/builders.ts';
import { siteOf } from '../../../src/layout/rebuild/site.ts';
import { parseSuper } from '../../../src/layout/tools/btrfs.ts';
import type { Component } from '../../../src/layout/types.ts';
import { ofToday } from '../../helpers/suite.ts';
import { temporaryDirectory } from '../../helpers/temporary.ts';
import { releases } from '../builder.ts';
import { builderPackages } from '../builder/packages.ts';
import { unpackedPackages } from '../packages.ts';

const { signal } = new AbortController();
const suites = { debian11: 'bullseye', debian12: 'bookworm', debian13: 'trixie' } as const;
const folder = join(import.meta.dirname, '../../fixtures/lab');
const tools =
  'mke2fs tune2fs dumpe2fs mkfs.xfs xfs_db mkfs.btrfs btrfs mkfs.f2fs mkfs.fat mkntfs ntfslabel mkfs.jfs blkid'.split(
    ' ',
  );

// Older tools do not know all that later ones made.
const pairs = releases.flatMap((had, index) => releases.slice(index).map((has) => ({ had, has })));

test.each(ofToday(pairs, new Date()))('what $had had, made by $has', { timeout: 900_000 }, async ({ had, has }) => {
  await using directory = await temporaryDirectory();
  const run = await runnerOf(await unpackedPackages(suites[has], builderPackages), directory.path);
  const image = join(directory.path, 'image');
  let made = 0;
  for (const name of readdirSync(folder).filter((file) => file.endsWith(`.${had}.json`) && !file.startsWith('zfs'))) {
    const recording: unknown = JSON.parse(readFileSync(join(folder, name), 'utf8'));
    const layout = await captureLayout(recordedHost(recording), new Date('2026-11-21T12:00:00Z'), signal);
    const site = siteOf(layout.components);
    for (const component of layout.components) {
      const under = component.on.length === 1 ? site.get(component.on[0] ?? '') : undefined;
      if (!isMadeAlone(component) || under === undefined || !('sizeBytes' in under)) continue;
      await (await open(image, 'w')).close();
      const file = await open(image, 'r+');
      // On more than it had each keeps its size; btrfs is told so when it is mounted.
      await file.truncate((under.sizeBytes ?? 0) + (component.kind === 'btrfs' ? 0 : 16 << 20));
      await file.close();
      make(component, site, image, run);
      const after = reread(component, image, run);
      expect(compared(after), `${name} ${component.id}`).toEqual(compared(component));
      made += 1;
    }
  }
  expect(made).toBeGreaterThan(50);
});

type Run = (program: string, words: readonly string[]) => string;

/** Runs tools of a tree of packages by their own libraries; a shell among them finds them as well. */
async function runnerOf(tree: string, directory: string): Promise<Run> {
  const bin = join(directory, 'bin');
  await mkdir(bin);
  const libraries = join(tree, 'usr/lib/x86_64-linux-gnu');
  for (const tool of tools) {
    const start = `exec '${libraries}/ld-linux-x86-64.so.2' --library-path '${libraries}'`;
    const script = `#!/bin/sh\nfor path in '${tree}'/usr/sbin/${tool} '${tree}'/sbin/${tool} '${tree}'/usr/bin/${tool} '${tree}'/bin/${tool}; do\n  if [ -e "$path" ]; then ${start} "$path" "$@"; fi\ndone\nexit 127\n`;
    await writeFile(join(bin, tool), script);
    await chmod(join(bin, tool), 0o755);
  }
  const env = { ...process.env, PATH: `${bin}:${process.env['PATH']}`, MKE2FS_CONFIG: join(tree, 'etc/mke2fs.conf') };
  return (program, words) => {
    const { status, stdout, stderr } = spawnSync(program, words, { env, encoding: 'utf8' });
    if (status !== 0) throw new Error(`${program} ${words.join(' ')}: ${stderr}`);
    return stdout;
  };
}

type Filesystem = Extract<Component, { kind: 'ext' | 'xfs' | 'btrfs' | 'f2fs' | 'vfat' | 'ntfs' | 'jfs' }>;

/** Without exFAT, which begins its parts at places that are counted from the beginning of the disk. */
function isMadeAlone(component: Component): component is Filesystem {
  const kinds = ['ext', 'xfs', 'btrfs', 'f2fs', 'vfat', 'ntfs', 'jfs'];
  if (!kinds.includes(component.kind) || !('geometry' in component)) return false;
  return builderOf(component)?.problem?.(component, siteOf([component])) === undefined;
}

function make(component: Filesystem, site: Site, image: string, run: Run): void {
  const [deed] = builderOf(component)?.create(component, { ...site, above: () => [] }) ?? [];
  for (const { argv } of deed?.commands ?? []) {
    const [program, ...rest] = argv.map((word) => (typeof word === 'string' ? word : image));
    if (program === undefined || program === 'udevadm') continue;
    // It wants to be told twice that a file is no device.
    run(program, program === 'mkntfs' ? ['--force', ...rest] : rest);
  }
}

function reread(component: Filesystem, image: string, run: Run): Component {
  const uuid = run('blkid', ['-p', '-o', 'value', '-s', 'UUID', image]).trim();
  const head = Buffer.alloc(65_536);
  const file = openSync(image, 'r');
  readSync(file, head, 0, head.length, 0);
  closeSync(file);
  switch (component.kind) {
    case 'ext':
      return { ...component, uuid, ...seen(parseDumpe2fs(run('dumpe2fs', ['-h', image]))) };
    case 'xfs': {
      const said = run('xfs_db', ['-r', '-c', 'info', '-c', 'sb 0', '-c', 'print fdblocks', image]);
      return { ...component, uuid, ...seen(parseXfsDb(said)) };
    }
    case 'btrfs': {
      const said = parseSuper(run('btrfs', ['inspect-internal', 'dump-super', image]));
      const { nodeSize, sectorSize, checksum, features, totalBytes } = said;
      const { geometry } = component;
      if (geometry === undefined) return component;
      const own = { ...geometry, nodeSize, sectorSize, checksum, features: [...features] };
      return { ...component, uuid, sizeBytes: totalBytes, geometry: own };
    }
    case 'f2fs': {
      const { settings } = parseSuperblock(head.subarray(0, 4096));
      return { ...component, uuid, geometry: { ...component.geometry, ...settings } };
    }
    case 'vfat':
      return { ...component, uuid, ...seen(parseBootSector(head.subarray(0, 8192))) };
    case 'ntfs':
      return { ...component, uuid, ...seen(parseNtfs(head.subarray(0, 4096))) };
    case 'jfs':
      return { ...component, uuid, ...seen(parseJfs(head.subarray(32_768, 36_864))) };
  }
}

/** How full it was is no setting. */
function seen<I extends { readonly usedBytes?: number }>({ usedBytes: _usedBytes, ...rest }: I) {
  return rest;
}

/** What mounting it turns on is not seen in a file. */
function compared(component: Component): Component {
  const said = builderOf(component)?.compared?.(component, false) ?? component;
  if (said.kind !== 'btrfs' || said.geometry === undefined) return said;
  const features = said.geometry.features.filter((name) => !/^(compress_|default_subvol|.*quota)/.test(name));
  return { ...said, geometry: { ...said.geometry, features } };
}
