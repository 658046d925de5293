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
import { markAction, markContent, markStartable, readMark, unmark } from '../layout/rebuild/mark.ts';
import type { Component, Layout } from '../layout/types.ts';
import { keptPlan, remaining, markFilled, planFile } from './filled.ts';
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

interface More {
  readonly point?: string;
  readonly beginAnew?: boolean;
  readonly request?: RecoverRequest;
  readonly policies?: Parameters<typeof remaining>[1]['policies'];
}

async function left(
  here: Layout,
  captured: Layout,
  host: Host,
  { point = 'p1', beginAnew = false, request = whole, policies = [] }: More = {},
): Promise<readonly string[]> {
  const said: string[] = [];
  const say = ({ text }: { readonly text: string }): void => void said.push(text);
  const { parts: now, finishing } = await remaining(
    request,
    { here, captured, point, beginAnew, policies },
    say,
    host,
    signal,
  );
  expect({ said: said.length, finishing }).toEqual(
    now === request.parts ? { said: 0, finishing: undefined } : { said: 1, finishing: true },
  );
  return now;
}

test('one that was cut off when all files were back is finished, and nothing else is', async () => {
  await using place = await temporaryDirectory();
  await using local = localHost();
  const { disks, captured, plan, host } = await builtDisks(place.path, local);
  const root = join(place.path, 'root');
  await mkdir(root);
  expect(await left(captured, captured, host)).toEqual(parts);
  await markFilled({ plan, request: whole, point: 'p1', root, layout: captured }, host, signal);
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

test('with nobody there, what was begun with nobody there, on disks that every policy agrees to', async () => {
  await using place = await temporaryDirectory();
  await using local = localHost();
  const { disks, captured, plan, host } = await builtDisks(place.path, local);
  const root = join(place.path, 'root');
  await mkdir(root);
  const request: RecoverRequest = { ...whole, unattended: { policies: [] } };
  const fill = async (by: RecoverRequest) =>
    await markFilled({ plan, request: by, point: 'p1', root, layout: captured }, host, signal);
  await fill(whole);
  expect(await left(captured, captured, host, { request })).toEqual(parts);
  await fill(request);
  expect(await left(captured, captured, host, { request, policies: ['blank-disks'] })).toEqual(rest);
  const named = { serials: ['S1', 'S2'], slots: [] };
  expect(await left(captured, captured, host, { request, policies: [named] })).toEqual(rest);
  expect(await left(captured, captured, host, { request, policies: [named, 'ask'] })).toEqual(parts);
  expect(await left(captured, captured, host, { request, policies: [{ serials: ['S1'], slots: [] }] })).toEqual(parts);
  // Cut off between the marks of two disks.
  await markStartable(disks.slice(1), host, signal, 'none');
  expect(await left(captured, captured, host, { request })).toEqual(rest);
  await markStartable(disks, host, signal, 'none');
  expect(await left(captured, captured, host, { request })).toEqual(parts);
});

test('what is brought back to disks that stood there says no more than that the machine may start', async () => {
  await using place = await temporaryDirectory();
  await using local = localHost();
  const { disks, captured, plan, host } = await builtDisks(place.path, local);
  const request = { ...whole, parts: partsOf({ ...none, filesOnly: true }) };
  await markFilled({ plan, request, point: 'p1', root: place.path, layout: captured }, host, signal);
  const mark = await readMark(host, disks[0] ?? smallDisk(''), signal);
  expect({ startable: mark?.startable, filled: mark?.filled }).toEqual({ startable: true, filled: undefined });
});

test('the plan is kept in the recovered system, and is taken where it made what stands there', async () => {
  await using place = await temporaryDirectory();
  await using local = localHost();
  const { disks, captured, plan, host } = await builtDisks(place.path, local);
  const root = join(place.path, 'root');
  await mkdir(root);
  const standing = smallPlan([], captured, { of: plan.of });
  const why = async (other: Plan = standing, request: RecoverRequest = whole) =>
    await keptPlan(root, other, request, host, signal);
  expect(await why()).toEqual({ why: 'none is kept there' });
  await markFilled({ plan, request: whole, point: 'p1', root, layout: captured }, host, signal);
  expect(await why()).toEqual(plan);

  const finishing = { ...whole, finishing: true };
  expect(await why(standing, finishing)).toEqual(plan);
  await expect(why(standing, { ...finishing, clone: true })).rejects.toMatchObject({ code: 'refused' });

  expect(await why({ ...standing, of: 'another' })).toEqual({ why: expect.stringContaining('at another time') });
  const bare = smallPlan([], layoutOf(...disks), { of: plan.of });
  expect(await why(bare)).toEqual({ why: expect.stringContaining('other filesystems') });
  await unmark(disks.slice(1), host, signal);
  expect(await why()).toEqual({ why: 'the disk disk:S2 does not bear its mark any more' });
  await writeFile(join(root, planFile), '{"format": "lifeboat.pl');
  expect(await why()).toEqual({ why: expect.stringContaining('is not JSON') });
  await rm(join(root, dirname(planFile)), { recursive: true });
  expect(await why()).toEqual({ why: 'none is kept there' });
  await expect(why(standing, { ...whole, finishing: true })).rejects.toThrow('none is kept there');
});
