/** Encrypted volumes and devices with checksums, made anew on blank disks with their headers and keys: what the plain tools say is what they said. */
import { expect, test } from 'vitest';
import { applyPlan } from '../../../src/layout/rebuild/apply.ts';
import { planLayout } from '../../../src/layout/rebuild/plan.ts';
import { volumeKeyOf } from '../../../src/layout/luks-volume-key.ts';
import { ofToday } from '../../helpers/suite.ts';
import { startLab } from '../lab.ts';
import { capture, plainly, realDisks } from '../rebuild.ts';
import { namesOf, plainFacts, rebuiltStack, rememberedOf, rememberedStack } from '../rebuilt.ts';
import { labOptions, makeStack, readStack } from '../stack.ts';

const { signal } = new AbortController();

const stacks = [
  'crypt-plain',
  'integrity',
  'luks1',
  'luks2',
  'luks2-detached',
  'luks2-header-device',
  'luks2-integrity',
  'lvm-on-luks',
  'raid1-lvm-luks',
];
const able = ofToday(
  stacks.map((name) => ({ release: 'debian12' as const, stack: readStack(name) })),
  new Date(),
);

test.each(able)('$stack.name $release', { timeout: 900_000 }, async (scene) => {
  const first = await rememberedStack(scene, signal);
  const second = await rebuiltStack(scene, first, new Set(), signal);
  expect(second.changes).toEqual([]);
  if (scene.stack.name !== 'crypt-plain') expect(second.facts).toEqual(first.facts);
  else {
    // With its key; what is made anew at every start is not there yet.
    expect(second.facts['mapped']).toMatch(/^plain .* aes-cbc-essiv:sha256 /);
    expect(first.facts['mapped']).toContain(second.facts['mapped']);
    expect(second.facts['<B>']).toBe(first.facts['<B>']);
  }
});

const used = ofToday(['raid1-lvm-luks', 'integrity'].map(readStack), new Date());

test.each(used)('$name on its own disks, which let go of all that was on them', { timeout: 900_000 }, async (stack) => {
  await using lab = await startLab(labOptions(stack, 'debian12'), signal);
  await makeStack(stack, lab, signal);
  const first = await rememberedOf(lab, namesOf(lab, ''), signal);
  await lab.host.run(['sh', '-c', 'swapoff --all; umount --recursive /mnt/root'], { okCodes: [0, 1, 32] }, signal);
  const found = await capture(lab.host, signal);
  const named = new Map(realDisks(found).map(({ id }) => [id, id]));
  const plan = planLayout({ wanted: first.layout, found, blank: new Set(), named });
  // A key of which it is found out afterwards that it opens nothing would cost all that is on these disks.
  if (stack.name === 'raid1-lvm-luks') {
    const wrong = async (name: string) =>
      name.startsWith('luks-key:') ? await Promise.resolve(Buffer.from('not this one')) : await first.given(name);
    await expect(applyPlan(plan, { ...plainly, host: lab.host, given: wrong }, signal)).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringMatching(/^the key that was given for .* opens none of the slots/),
    });
    expect(await plainFacts(lab, namesOf(lab, ''), signal)).toEqual(first.facts);
  }
  const changes = await applyPlan(plan, { ...plainly, host: lab.host, given: first.given }, signal);
  expect(changes).toEqual([]);
  expect(await plainFacts(lab, namesOf(lab, ''), signal)).toEqual(first.facts);
});

const byKey = ofToday(['luks1', 'luks2'].map(readStack), new Date());

test.each(byKey)('$name is opened by its volume key, whatever its slots', { timeout: 900_000 }, async (stack) => {
  await using lab = await startLab(labOptions(stack, 'debian12'), signal);
  await makeStack(stack, lab, signal);
  const first = await rememberedOf(lab, namesOf(lab, ''), signal);
  const keys = new Map<string, Buffer>();
  for (const one of first.layout.components) {
    if (one.kind !== 'luks' || !one.open || one.uuid === undefined) continue;
    const argv = ['blkid', '--match-token', `UUID=${one.uuid}`, '--output', 'device'] as const;
    const device = (await lab.host.run(argv, {}, signal)).stdout.toString().trim();
    const passphrase = await first.given(`luks-key:${one.uuid}`);
    await expect(volumeKeyOf(lab.host, device, Buffer.from('wrong'), signal)).rejects.toMatchObject({ code: 'usage' });
    keys.set(`luks-volume-key:${one.uuid}`, await volumeKeyOf(lab.host, device, passphrase, signal));
  }
  expect(keys.size).toBeGreaterThan(0);
  await lab.host.run(['sh', '-c', 'umount --recursive /mnt/*'], { okCodes: [0, 1, 32] }, signal);
  const found = await capture(lab.host, signal);
  const named = new Map(realDisks(found).map(({ id }) => [id, id]));
  const components = first.layout.components.map((one) =>
    one.kind === 'luks' ? { ...one, opener: 'volume-key' as const } : one,
  );
  const wanted = { ...first.layout, components };
  const plan = planLayout({ wanted, found, blank: new Set(), named });
  const given = async (name: string) => keys.get(name) ?? (await first.given(name));
  const other = async (name: string) => (keys.has(name) ? Buffer.alloc(64, 1) : await first.given(name));
  await expect(applyPlan(plan, { ...plainly, host: lab.host, given: other }, signal)).rejects.toMatchObject({
    code: 'usage',
    message: expect.stringMatching(/is not that of its header$/),
  });
  expect(await plainFacts(lab, namesOf(lab, ''), signal)).toEqual(first.facts);
  expect(await applyPlan(plan, { ...plainly, host: lab.host, given }, signal)).toEqual([]);
  expect(await plainFacts(lab, namesOf(lab, ''), signal)).toEqual(first.facts);
  expect((await lab.host.run(['sh', '-c', 'ls /run/lifeboat-*.key || true'], {}, signal)).stdout.toString()).toBe('');
});

const refused = ofToday([{ name: 'reencrypt-luks2', why: 'it was being changed' }], new Date());

test.each(refused)('$name is refused before anything is touched', { timeout: 900_000 }, async ({ name, why }) => {
  const { layout: wanted } = await rememberedStack({ release: 'debian12', stack: readStack(name) }, signal);
  const blank = new Set(wanted.components.flatMap(({ id, kind }) => (kind === 'disk' ? [id] : [])));
  const components = wanted.components.filter(({ kind }) => kind === 'disk');
  expect(() => planLayout({ wanted, found: { ...wanted, components }, blank })).toThrow(why);
});
