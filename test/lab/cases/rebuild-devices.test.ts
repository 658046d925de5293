/** Devices of bcache made anew on other disks, and disks that come over several paths or by iSCSI: what the plain tools say is what they said. */
import { expect, test } from 'vitest';
import type { Host } from '../../../src/host/host.ts';
import { withWholeDisks } from '../../../src/layout/rebuild/attached.ts';
import { applyPlan } from '../../../src/layout/rebuild/apply.ts';
import { planLayout } from '../../../src/layout/rebuild/plan.ts';
import { filesystemFacts } from '../fs-facts.ts';
import { startLab } from '../lab.ts';
import { allBlank, capture, otherDisks, plainly, realDisks } from '../rebuild.ts';
import { labOptions, makeStack, type Scene, scenes } from '../stack.ts';

const { signal } = new AbortController();

const superblocks = `
for device in $(blkid -o device -t TYPE=bcache); do
  echo "=== bcache"
  # The UUID of a cache itself is random, and nothing names it.
  bcache-super-show "$device" | grep -v '^sb.csum\\|dev.cache.\\(last\\|cache_sectors\\|total\\)\\|dev.data.cache_state' > /run/said
  if grep -q 'backing device' /run/said; then cat /run/said; else grep -v '^dev.uuid' /run/said; fi
done
for set in /sys/fs/bcache/*-*; do echo "=== set $(basename "$set") with $(ls -d "$set"/bdev* 2> /dev/null | wc -l)"; done
`;

async function originalOf({ release, stack }: Scene) {
  await using machine = await startLab(labOptions(stack, release), signal);
  await makeStack(stack, machine, signal);
  const layout = await capture(machine.host, signal);
  return { layout, facts: await factsOf(machine.host) };
}

async function factsOf(host: Host): Promise<string> {
  const { stdout } = await host.run(['sh', '-c', superblocks], {}, signal);
  const devices = stdout
    .toString()
    .split(/^(?==== )/m)
    .toSorted()
    .join('');
  // The kernel numbers its devices as they come.
  const facts = (await filesystemFacts(host, signal)).replaceAll(/^== bcache .*\n/gm, '');
  return `${devices}${facts.replaceAll(/\/dev\/bcache\d+ */g, '/dev/bcache ')}`;
}

test.each(scenes('bcache'))('$stack.name $release', { timeout: 900_000 }, async (scene) => {
  const first = await originalOf(scene);
  await using lab = await startLab({ ...labOptions(scene.stack, scene.release), disks: otherDisks(scene) }, signal);
  const found = await capture(lab.host, signal);
  const plan = planLayout({ wanted: first.layout, found, blank: allBlank(found) });
  expect(await applyPlan(plan, { ...plainly, host: lab.host }, signal)).toEqual([]);
  const facts = await factsOf(lab.host);
  if (scene.stack.name === 'bcache') expect(facts).toBe(first.facts);
  // The used disks once more, under their own data.
  const again = await capture(lab.host, signal);
  const named = new Map(realDisks(again).map(({ id }) => [id, id]));
  const anew = planLayout({ wanted: again, found: again, blank: new Set(), named });
  expect(await applyPlan(anew, { ...plainly, host: lab.host }, signal)).toEqual([]);
  expect(await factsOf(lab.host)).toBe(facts);
});

/** A machine whose storage system gives it one disk over two paths, on which nothing is. */
const onePathMore = `
cat > /etc/multipath.conf <<'END'
defaults {
    user_friendly_names yes
    find_multipaths no
}
blacklist {
    device {
        vendor "QEMU"
    }
}
END
modprobe scsi_debug dev_size_mb=96 vpd_use_hostno=0 add_host=2
udevadm settle
modprobe dm-multipath
multipathd
timeout 60 sh -c 'until [ -e /dev/mapper/mpatha ]; do sleep 0.2; done'
udevadm settle
`;

test.each(scenes('multipath-'))('$stack.name $release', { timeout: 900_000 }, async (scene) => {
  const first = await originalOf(scene);
  await using lab = await startLab({ ...labOptions(scene.stack, scene.release), disks: otherDisks(scene) }, signal);
  await lab.host.run(['bash', '-euc', onePathMore], { timeoutMs: 120_000 }, signal);
  const found = withWholeDisks(await capture(lab.host, signal));
  const plan = planLayout({ wanted: first.layout, found, blank: allBlank(found) });
  expect(plan.disks.some(({ id }) => id.startsWith('multipath:'))).toBe(true);
  expect(await applyPlan(plan, { ...plainly, host: lab.host }, signal)).toEqual([]);
  expect(await factsOf(lab.host)).toBe(first.facts);
});

test.each(scenes('iscsi-'))('$stack.name $release', { timeout: 900_000 }, async (scene) => {
  const first = await originalOf(scene);
  // The disk of the storage system is one of the machine itself now.
  const disks = [...otherDisks(scene), { serial: 'NEW', bytes: 128 << 20 }];
  await using lab = await startLab({ ...labOptions(scene.stack, scene.release), disks }, signal);
  const found = await capture(lab.host, signal);
  const plan = planLayout({ wanted: first.layout, found, blank: allBlank(found) });
  expect(await applyPlan(plan, { ...plainly, host: lab.host }, signal)).toEqual([]);
  expect(await factsOf(lab.host)).toBe(first.facts);
});
