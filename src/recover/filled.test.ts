import { mkdir, open, rm, truncate, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { layoutOf, mount } from '../../test/helpers/small-layout.ts';
import { smallDisk, smallPlan } from '../../test/helpers/small-plan.ts';
import { temporaryDirectory } from '../../test/helpers/temporary.ts';
import type { Host } from '../host/host.ts';
import { localHost } from '../host/local.ts';
import { type Plan, sourceDigest } from '../layout/rebuild/document.ts';
import { markOf } from '../layout/rebuild/half-done.ts';
import { markAction, markContent, readMark, unmark } from '../layout/rebuild/mark.ts';
import type { Component, Layout } from '../layout/types.ts';
import { keptPlan, leftToDo, markFilled, planFile } from './filled.ts';
import { parts, partsOf, type RecoverRequest } from './request.ts';

const none = { mountOnly: false, layoutOnly: false, filesOnly: false };
const names = { map: [], only: [], exclude: [], rewrite: [] };
const whole: RecoverRequest = { repositories: [], names, grow: false, clone: false, parts };
const rest = partsOf({ ...none, from: 'finalize' });
const { signal } = new AbortController();

/** Two disks that are files, built for one machine, with their marks. */
async function builtDisks(directory: string, host: Host) {
  const disks = ['S1', 'S2'].map((serial) => ({ ...smallDisk(`disk:${serial}`, join(directory, serial)), serial }));
  const [first] = disks;
  if (first === undefined) throw new Error('no disk');
  const root: Component[] = [
    { kind: 'ext', id: 'ext:root', on: [first.id], type: 'ext4', sizeBytes: first.sizeBytes },
    mount('/', { on: ['ext:root'] }),
  ];
  const captured = layoutOf(...disks, ...root);
  const actions = disks.map(({ id }) => ({ id: markAction(id), title: '', component: id, writes: [id], commands: [] }));
  const plan = smallPlan(
    disks.map(({ id }) => id),
    captured,
    { of: sourceDigest(captured), actions },
  );
  for (const disk of disks) {
    await writeFile(disk.device, '');
    await truncate(disk.device, disk.sizeBytes);
    await using file = await open(disk.device, 'r+');
    const content = markContent(markOf(plan, disk.id, new Date()));
    await file.write(content, 0, content.length, (1 << 20) - content.length);
  }
  const nodes = disks.map(({ serial, device, sizeBytes }) => {
    const node = {
      name: serial,
      path: device,
      type: 'disk',
      serial,
      wwn: null,
      model: null,
      size: sizeBytes,
      ro: false,
    };
    return { ...node, mountpoint: null };
  });
  const stdout = Buffer.from(JSON.stringify({ blockdevices: nodes }));
  const seen: Host = {
    ...host,
    run: async (argv, options, inner) =>
      argv[0] === 'lsblk' ? { code: 0, stdout, stderr: '' } : await host.run(argv, options, inner),
  };
  return { disks, captured, plan, host: seen };
}

async function left(
  here: Layout,
  captured: Layout,
  host: Host,
  { point = 'p1', beginAnew = false, request = whole } = {},
): Promise<readonly string[]> {
  const said: string[] = [];
  const say = ({ text }: { readonly text: string }): void => void said.push(text);
  const { parts: now } = await leftToDo(request, { here, captured, point, beginAnew }, say, host, signal);
  expect(said.length).toBe(now === request.parts ? 0 : 1);
  return now;
}

test('one that was cut off when all files were back is finished, and nothing else is', async () => {
  await using place = await temporaryDirectory();
  await using local = localHost();
  const { disks, captured, plan, host } = await builtDisks(place.path, local);
  const root = join(place.path, 'root');
  await mkdir(root);
  expect(await left(captured, captured, host)).toEqual(parts);
  await markFilled({ plan, point: 'p1', root, layout: captured }, host, signal);
  expect((await readMark(host, disks[0] ?? smallDisk(''), signal))?.startable).toBe(true);
  expect(await left(captured, captured, host)).toEqual(rest);

  expect(await left(captured, captured, host, { point: 'p2' })).toEqual(parts);
  expect(await left(captured, captured, host, { beginAnew: true })).toEqual(parts);
  const named = { ...whole, names: { ...names, map: ['S1=S9'] } };
  expect(await left(captured, captured, host, { request: named })).toEqual(parts);
  const alone = { ...whole, parts: partsOf({ ...none, layoutOnly: true }) };
  expect(await left(captured, captured, host, { request: alone })).toEqual(['recreate']);
  expect(await left(captured, layoutOf(...disks), host)).toEqual(parts);
  const oneGone = { ...captured, components: captured.components.filter(({ id }) => id !== 'disk:S2') };
  expect(await left(oneGone, captured, host)).toEqual(parts);
  await unmark(disks, host, signal, { point: 'p1' });
  expect(await left(captured, captured, host)).toEqual(parts);
});

test('the plan is kept in the recovered system, and is taken where it made what stands there', async () => {
  await using place = await temporaryDirectory();
  await using local = localHost();
  const { disks, captured, plan, host } = await builtDisks(place.path, local);
  const root = join(place.path, 'root');
  await mkdir(root);
  const standing = smallPlan([], captured, { of: plan.of });
  const why = async (other: Plan = standing) => await keptPlan(root, other, host, signal);
  expect(await why()).toEqual({ why: 'none is kept there' });
  await markFilled({ plan, point: 'p1', root, layout: captured }, host, signal);
  expect(await why()).toEqual(plan);

  expect(await why({ ...standing, of: 'another' })).toEqual({ why: expect.stringContaining('at another time') });
  const bare = smallPlan([], layoutOf(...disks), { of: plan.of });
  expect(await why(bare)).toEqual({ why: expect.stringContaining('other filesystems') });
  await unmark(disks.slice(1), host, signal);
  expect(await why()).toEqual({ why: 'the disk disk:S2 does not bear its mark any more' });
  await writeFile(join(root, planFile), '{"format": "lifeboat.pl');
  expect(await why()).toEqual({ why: expect.stringContaining('cannot be read') });
  await rm(join(root, dirname(planFile)), { recursive: true });
  expect(await why()).toEqual({ why: 'none is kept there' });
});
