// Makes an image with a given kernel and all its modules but no firmware, as the peer does; prints what it took, after the base is there.
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { localHost } from '../../dist/src/host/local.js';
import { rescueBase } from '../../dist/src/media/base.js';
import { buildMedium } from '../../dist/src/media/build.js';
import { iso } from '../../dist/src/media/formats/iso.js';
import { kernelBelow } from '../../dist/src/media/kernel.js';

const { program, state, kernelRoot, work, output } = JSON.parse(readFileSync(0, 'utf8'));
const { signal } = new AbortController();
const host = localHost();
const rescue = join(program, 'rescue');
const places = { rescue, lock: join(state, 'rescue/packages.lock'), cache: join(state, 'rescue/cache') };
const base = await rescueBase(host, { ...places, node: process.execPath, say: console.error }, signal);
const [version] = readdirSync(join(kernelRoot, 'usr/lib/modules'));
await base.tools.run('depmod', ['-b', join(kernelRoot, 'usr'), version], {}, signal);
const kernel = await kernelBelow(kernelRoot, version);
rmSync(work, { recursive: true, force: true });
mkdirSync(work, { recursive: true });
const began = performance.now();
const request = {
  base,
  program,
  version: '0.0.0',
  host: 'bench',
  kernel: kernel.file,
  modules: kernel.modules,
  hostModules: new Set(),
  allModules: true,
  firmware: { all: false, directories: [] },
  devices: [],
  files: [],
  of: {},
  secrets: [],
  words: ['nokaslr', 'mitigations=off'],
};
const built = await buildMedium(request, work, new Date(), signal);
const source = { directory: built.directory, id: built.medium.id, entries: built.entries };
await iso.write(source, { tools: base.tools, work, output }, signal);
const seconds = (performance.now() - began) / 1000;
const sizes = ['base.squashfs', 'host.squashfs', 'initrd', 'vmlinuz'].map((name) => [
  name,
  statSync(join(built.directory, 'lifeboat', name)).size,
]);
console.log(JSON.stringify({ version, seconds, bytes: statSync(output).size, sizes: Object.fromEntries(sizes) }));
