/** Stacks made anew on blank disks by their plans, with the headers and keys of their encrypted volumes; and what the plain tools say of both. */
import { asker } from '../../src/host/asker.ts';
import type { Host } from '../../src/host/host.ts';
import type { Change } from '../../src/kernel/change.ts';
import { copyHeaders, type HeaderCopy } from '../../src/layout/luks-copy.ts';
import { applyPlan } from '../../src/layout/rebuild/apply.ts';
import type { Plan } from '../../src/layout/rebuild/document.ts';
import { planLayout } from '../../src/layout/rebuild/plan.ts';
import type { Layout } from '../../src/layout/types.ts';
import { type Lab, startLab } from './lab.ts';
import { toldByLvm } from './lvm-witness.ts';
import { allBlank, capture, factsOf, otherDisks, plainly } from './rebuild.ts';
import { addNeeded, labOptions, makeStack, type Scene } from './stack.ts';

/** What opens the volumes of the stacks, by what an executor asks for; all others are opened with `secret`. */
const keys: Readonly<Record<string, string>> = {
  'luks-key:0b0f1a4e-0406-4000-8000-000000000001': 'correct horse',
  'luks-key:0b0f1a4e-0406-4000-8000-000000000003': 'correct horse',
  'crypt-key:plain': '0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef',
  'integrity-key:keyed': 'canary-of-the-integrity-key-0123',
};

export interface Remembered {
  readonly layout: Layout;
  /** What an executor is given by name. */
  readonly given: (name: string) => Promise<Uint8Array>;
  /** What the plain tools say, by family or disk. */
  readonly facts: Readonly<Record<string, string>>;
}

/** All of a machine that is needed to make it anew, and to see whether it was. */
export async function rememberedOf(
  lab: Lab,
  names: ReadonlyMap<string, string>,
  signal: AbortSignal,
): Promise<Remembered> {
  const layout = await capture(lab.host, signal);
  const copies = await copyHeaders(layout, asker(lab.host, signal), 64 << 20);
  const headers = new Map(copies.map((copy) => [`luks-header:${copy.uuid}`, imageOf(copy)]));
  return {
    layout,
    given: async (name) => {
      const header = headers.get(name);
      if (header === undefined && name.startsWith('luks-header:')) throw new Error(`no header was kept: ${name}`);
      return await Promise.resolve(header ?? Buffer.from(keys[name] ?? 'secret'));
    },
    facts: await plainFacts(lab, names, signal),
  };
}

function imageOf({ sizeBytes, parts }: HeaderCopy): Buffer {
  const image = Buffer.alloc(sizeBytes);
  for (const { offsetBytes, bytes } of parts) bytes.copy(image, offsetBytes);
  return image;
}

/** Makes a stack in a machine of its own, which is gone afterwards. */
export async function rememberedStack({ release, stack }: Scene, signal: AbortSignal): Promise<Remembered> {
  await using lab = await startLab(labOptions(stack, release), signal);
  await makeStack(stack, lab, signal);
  return await rememberedOf(lab, namesOf(lab, ''), signal);
}

export interface Rebuilt {
  readonly plan: Plan;
  readonly changes: readonly Change[];
  readonly facts: Readonly<Record<string, string>>;
}

/** Makes it anew in another machine, on disks with other serial numbers. */
export async function rebuiltStack(
  scene: Scene,
  { layout: wanted, given }: Remembered,
  exclude: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<Rebuilt> {
  await using lab = await startLab({ ...labOptions(scene.stack, scene.release), disks: otherDisks(scene) }, signal);
  await addNeeded(scene.stack, lab, signal);
  const found = await capture(lab.host, signal);
  const plan = planLayout({ wanted, found, blank: allBlank(found), exclude });
  const changes = await applyPlan(plan, { ...plainly, host: lab.host, given }, signal);
  return { plan, changes, facts: await plainFacts(lab, namesOf(lab, 'N'), signal) };
}

/** What stands for each device, by its path: the same in both machines. */
export function namesOf({ devices }: Lab, prefix: string): ReadonlyMap<string, string> {
  const own = [...devices].filter(([serial]) => serial !== '');
  return new Map(own.map(([serial, path]) => [path, `<${serial.slice(prefix.length)}>`]));
}

const scripts = {
  // What lies below what was written is old in the kernel's memory.
  fresh: 'sync; for device in $(lsblk -nrpo NAME | sort -u); do blockdev --flushbufs "$device"; done',
  md: `
for device in $(lsblk -nrpo NAME,TYPE | awk '$2 == "disk" || $2 == "part" { print $1 }' | sort -u); do
  mdadm --examine "$device" 2> /dev/null | sed -n "s|^ *\\(Version\\|Feature Map\\|Array UUID\\|UUID\\|Name\\|Raid Level\\|Raid Devices\\|Used Dev Size\\|Data Offset\\|Array Size\\|Chunk Size\\|Layout\\|Device Role\\|Flags\\|Internal Bitmap\\|Total Devices\\|Preferred Minor\\) :|$device \\1 :|p"
  mdadm --examine-bitmap "$device" 2> /dev/null | sed -n "s|^ *\\(Chunksize\\|Daemon\\|Write Mode\\) :|$device \\1 :|p"
done
for array in /sys/block/md*/md; do
  for name in consistency_policy level layout chunk_size raid_disks; do echo "$(cat "$array/uuid" 2> /dev/null) $name $(cat "$array/$name" 2> /dev/null)"; done
done | sort
`,
  luks: `
for device in $(blkid -o device -t TYPE=crypto_LUKS | sort); do cryptsetup luksDump "$device"; done
`,
  mapped: `
for name in $(dmsetup ls --target crypt | awk '$2 != "" && $1 != "No" { print $1 }' | sort) $(dmsetup ls --target integrity | awk '$1 != "No" { print $1 }' | sort); do
  echo "$name $(dmsetup table "$name" | sed 's/ [0-9]*:[0-9]* / DEVICE /; s/ [0-9a-f]\\{32,\\} / KEY /; s/:[0-9a-f]\\{32,\\}/:KEY/')"
  dmsetup table --showkeys "$name" | sed 's/ [0-9]*:[0-9]* / DEVICE /' | sha256sum
done
`,
  integrity: `
for device in $(blkid -o device -t TYPE=DM_integrity | sort); do integritysetup dump "$device" | sed "s|^|$device |"; done
`,
  contents: `
for device in $(lsblk -nrpo NAME | sort -u); do
  blkid -p -o export "$device" 2> /dev/null | grep -E '^(UUID|LABEL|TYPE|VERSION|USAGE)=' | sort | tr '\\n' ' ' | sed "s|^|$device |" && echo
done | sed 's|^/dev/dm-[0-9]* |/dev/dm |; s|^/dev/md[0-9]* |/dev/md |' | sort
`,
} as const;

/** By family or disk. */
export async function plainFacts(
  { host, devices }: Lab,
  names: ReadonlyMap<string, string>,
  signal: AbortSignal,
): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const [family, script] of Object.entries(scripts)) found[family] = await said(host, script, signal);
  const { physical, groups, volumes } = await toldByLvm(host, signal);
  found['lvm'] = [...physical, ...groups, ...volumes].join('\n');
  for (const [serial, device] of devices) {
    if (serial !== '') found[names.get(device) ?? device] = await factsOf(host, device, signal);
  }
  const plain = (text: string): string => {
    // The longest first: one name may begin with another.
    const paths = [...names.keys()].toSorted((a, b) => b.length - a.length);
    return paths.reduce((result, path) => result.replaceAll(path, names.get(path) ?? path), text);
  };
  // Disks have other names in another machine, and so another order.
  const sorted = (text: string): string => text.split('\n').toSorted().join('\n');
  const ofLines = ['contents', 'integrity'];
  return Object.fromEntries(
    Object.entries(found).map(([family, text]) => [
      family,
      ofLines.includes(family) ? sorted(plain(text)) : plain(text),
    ]),
  );
}

async function said(host: Host, script: string, signal: AbortSignal): Promise<string> {
  return (await host.run(['sh', '-c', script], { okCodes: [0, 1, 2], timeoutMs: 600_000 }, signal)).stdout.toString();
}
