/** Where the base and the tools come from: what a release brings along, what was made before, and only then a mirror. */
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryDirectory } from '../../test/helpers/temporary.ts';
import type { Host } from '../host/host.ts';
import { localHost } from '../host/local.ts';
import { rescueBase } from './base.ts';

/** This machine, on which nothing can be run. */
const idle: Host = {
  ...localHost(),
  run: async ([program]) => await Promise.reject(new Error(`${program} was called`)),
};

test('a base that came with a release needs neither a mirror nor apt, as does one that was made before', async ({
  signal,
}) => {
  for (const place of ['rescue/cache', 'cache']) {
    await using work = await temporaryDirectory();
    const at = (name: string) => join(work.path, name);
    const own = { suite: 'trixie', resolved: '2026-11-22', packages: [], tools: [], kernel: [] };
    await mkdir(at('rescue/cache'), { recursive: true });
    await writeFile(at('rescue/packages.lock'), JSON.stringify(own));
    const node = at('node');
    await writeFile(node, 'a program');
    const options = { rescue: at('rescue'), lock: at('none'), cache: at('cache'), node, say: () => {} };
    // What is missing is known by the lock of who begins to make it.
    for (const kind of ['tools', 'base']) {
      await expect(rescueBase(idle, options, signal)).rejects.toThrow('was called');
      const begun = (await readdir(at('cache'))).find((name) => name.startsWith(`${kind}-`) && name.endsWith('.lock'));
      await mkdir(join(at(place), (begun ?? '').replace('.lock', '')));
    }
    const base = await rescueBase(idle, options, signal);
    expect(base).toMatchObject({ resolved: '2026-11-22', packages: [] });
    expect(base.file).toMatch(new RegExp(`^${at(place)}/base-[0-9a-f]{16}/base\\.squashfs$`));
    // Another Node is another base.
    await writeFile(node, 'another program');
    await expect(rescueBase(idle, options, signal)).rejects.toThrow('was called');
  }
});
