/**
 * `layout apply` of a mirror with LUKS, LVM, ext4, btrfs, xfs and swap against Relax-and-Recover's `rear layoutonly`: in one machine of
 * the lab, by turns, on the same disks, blank each time.
 *
 * lifeboat restores the header of LUKS, rear formats anew: it gets the cheap function for its key that the original has, in place of
 * its own that takes seconds. Its passphrase is given, its questions are answered, its choice of disks is made for it. Its line for LUKS,
 * which it breaks in two, is mended. lifeboat compares what it made by a capture, which rear does not; rear mounts what it made.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Host } from '../../src/host/host.ts';
import { parsePlan, planDigest } from '../../src/layout/rebuild/document.ts';
import type { Machine } from '../../src/machine/machine.ts';
import type { Usage } from '../../src/machine/meter.ts';
import { temporaryDirectory } from '../helpers/temporary.ts';
import { startLab } from '../lab/lab.ts';
import { program, programDisk, programPlace } from '../lab/program.ts';
import { makeStack, readStack } from '../lab/stack.ts';
import { usageSince } from '../lab/usage.ts';
import { addRear } from './rear.ts';

const { signal } = new AbortController();
/** A capture says by 4 that something was not seen: the loaders on an EFI partition that nobody mounted. */
const okCodes = [0, 4];
const limits = { timeoutMs: 30 * 60_000 };
const luks = '0b0f1a4e-0601-4000-8000-000000000002';

/** Prints what both take, pair by pair, and the medians of the ratios. */
export async function applyPairs(pairs: number): Promise<void> {
  const stack = readStack('raid1-lvm-luks');
  await using lab = await startLab({ disks: stack.disks, memoryMiB: 2048 }, signal);
  const { host, machine } = lab;
  await addLifeboat(machine, host);
  await prepareRear(host);
  await makeStack(stack, lab, signal);
  const bench = { machine, host };
  const saved = [
    await timed(bench, [...program, 'layout', 'capture', '--output', '/root/wanted.json']),
    await timed(bench, ['unshare', '--mount', 'bash', '-c', asSystem, 'sh', 'rear', '-v', '-p', 'savelayout']),
  ];
  report('their captures', saved);
  await script(host, secrets);
  await script(host, blank);
  report('the plan', [
    await timed(bench, [...program, 'layout', 'plan', '--layout', '/root/wanted.json', '--output', '/root/plan.json']),
  ]);
  const given = ['--header', `${luks}=/root/header`, '--key', `${luks}=/root/key`];
  const plan = parsePlan(JSON.parse((await host.read('/root/plan.json', {}, signal)).toString()));
  const apply = [
    ...program,
    '--state-dir',
    '/root/state',
    `--yes=${planDigest(plan)}`,
    'layout',
    'apply',
    '/root/plan.json',
  ];
  const runs: { ours: Timed; peer: Timed }[] = [];
  for (let pair = 1; pair <= pairs; pair++) {
    await script(host, blank);
    await host.run(['rm', '-rf', '/root/state'], {}, signal);
    const ours = await timed(bench, [...apply, ...given], lifeboatWrites);
    await script(host, isThere);
    await script(host, blank);
    await script(host, asSaved);
    const peer = await timed(bench, ['rear', '-v', '-p', '-n', 'layoutonly'], rearWrites);
    await script(host, isThere);
    runs.push({ ours, peer });
    if (pair === 1) for (const { lines } of [ours, peer]) console.log(lines.map(lineText).join('\n'));
    report(`pair ${pair}, the whole command`, [ours, peer]);
    report(
      `pair ${pair}, from the first write to the last`,
      [ours, peer].map(({ writing = none, lines }) => ({ ...writing, lines })),
    );
  }
  for (const what of ['wallSeconds', 'cpuSeconds'] as const) {
    const whole = median(runs.map(({ ours, peer }) => ours[what] / peer[what]));
    const writing = median(runs.map(({ ours, peer }) => (ours.writing ?? none)[what] / (peer.writing ?? none)[what]));
    console.log(
      `apply, ${what}: ratio ${writing.toFixed(2)} from the first write to the last, ${whole.toFixed(2)} of whole commands, ${pairs} pairs`,
    );
  }
}

const none: Usage = { wallSeconds: Number.NaN, cpuSeconds: Number.NaN };

interface Line {
  readonly text: string;
  /** What had been taken when it came. */
  readonly after: Usage;
}

interface Timed extends Usage {
  readonly lines: readonly Line[];
  /** From the first write to the last. */
  readonly writing?: Usage;
}

type Bench = { readonly machine: Machine; readonly host: Host };
/** When the last write ended, as the guest's clock says, and the line before the first. */
interface Writes {
  readonly first: RegExp;
  readonly last: readonly [string, ...string[]];
}

/** From its first action, which marks a disk, to the end of its last one. What follows is the comparison, and the marks that go. */
const lifeboatWrites: Writes = {
  first: /that this plan builds it/,
  last: ['sh', '-c', 'stat -c %.9Y /root/state/plans/*.jsonl'],
};
/** From wiping to the end of its script. */
const rearWrites: Writes = {
  first: /^Wiping /,
  last: ['sh', '-c', 'date +%s.%N -d "$(sed -n "s/ Disk layout created.*//p" /var/log/rear/*.log)"'],
};

/** What a command takes, of the whole machine. */
async function timed({ machine, host }: Bench, argv: readonly string[], writes?: Writes): Promise<Timed> {
  const samples: { readonly at: number; readonly usage: Usage }[] = [];
  const over = new AbortController();
  const sampling = (async () => {
    while (!over.signal.aborted) {
      samples.push({ at: Date.now() / 1_000, usage: machine.usage() });
      await delay(50);
    }
  })();
  const guest = Number((await host.run(['date', '+%s.%N'], {}, signal)).stdout.toString());
  const offset = Date.now() / 1_000 - guest;
  const before = machine.usage();
  const since = (usage: Usage): Usage => usageSince(before, usage);
  const lines: Line[] = [];
  const running = host.stream(['sh', '-c', 'cd /; exec "$@" 2>&1', 'sh', ...argv], limits, signal);
  let rest = '';
  for await (const chunk of running.stdout) {
    const parts = (rest + Buffer.from(chunk).toString()).split('\n');
    rest = parts.pop() ?? '';
    for (const text of parts) lines.push({ text, after: since(machine.usage()) });
  }
  const { code } = await running.finished;
  const whole = since(machine.usage());
  over.abort();
  await sampling;
  if (!okCodes.includes(code))
    throw new Error(`${argv.join(' ')}: ${code}: ${lines.map(({ text }) => text).join('\n')}`);
  if (writes === undefined) return { ...whole, lines };
  const first = lines.find(({ text }) => writes.first.test(text))?.after;
  const ended = Number((await host.run(writes.last, {}, signal)).stdout.toString()) + offset;
  const last = samples.findLast(({ at }) => at <= ended)?.usage;
  if (first === undefined || last === undefined) throw new Error(`${argv.join(' ')}: when did it write?`);
  const until = since(last);
  return { ...whole, lines, writing: usageSince(first, until) };
}

const script = async (host: Host, text: string) => await host.run(['bash', '-ec', text], limits, signal);

/** In the machine's memory: a disk of its own would be one more for both to look at. */
async function addLifeboat(machine: Machine, host: Host): Promise<void> {
  await using directory = await temporaryDirectory();
  const file = await programDisk(directory.path);
  await machine.addDisk({ file, format: 'raw', serial: 'PROGRAM', bus: 'scsi' }, signal);
  await script(
    host,
    `until [ -e /dev/disk/by-label/program ]; do sleep 0.2; done
     mount -o ro LABEL=program /mnt
     mkdir -p ${programPlace}
     cp -a /mnt/. ${programPlace}
     chown -R 0:0 ${programPlace}
     umount /mnt`,
  );
  await machine.removeDisk('PROGRAM', signal);
}

/** The peer. Programs that only its rescue image needs are not missed; what every Debian has besides, the builder has not. */
async function prepareRear(host: Host): Promise<void> {
  const tools = ['bc', 'cpio', 'file', 'gawk', 'less', 'sysvinit-utils'];
  console.log(`apply: ${await addRear(host, { settings: rearSettings, tools }, signal)}`);
  await script(host, 'ln -s /proc/self/fd /dev/fd; ln -s ../proc/self/mounts /etc/mtab; mkdir -p /mnt/local');
}

const rearSettings = `OUTPUT=ISO
BACKUP=REQUESTRESTORE
BOOTLOADER=GRUB
for place in "\${!REQUIRED_PROGS[@]}"; do
  case \${REQUIRED_PROGS[place]} in dumpkeys | kbd_mode | loadkeys | strings | less | cpio) REQUIRED_PROGS[place]=true ;; esac
done
MIGRATION_MODE=false
USER_INPUT_WIPE_DISKS_CONFIRMATION=yes
LUKS_CRYPTSETUP_OPTIONS="--pbkdf pbkdf2 --pbkdf-force-iterations 1000"
`;

/** Runs a command where the stack's root is the system's: rear leaves out what is mounted below /mnt. */
const asSystem = `
cd /mnt/root
for name in usr etc var dev proc sys run tmp root; do mkdir -p $name; mount --rbind /$name $name; done
for name in bin sbin lib lib64; do ln -sfn usr/$name $name; done
mkdir -p mnt
exec chroot . "$@"`;

/** What opens the volume, for lifeboat; for rear it stands in its layout, the broken line of which is one again. */
const secrets = `
cryptsetup luksHeaderBackup /dev/md127 --header-backup-file /root/header
printf secret > /root/key
sed -i '/^crypt /{N;s/\\n/ /;s/hash=sha256 sha256/hash=sha256/;s/ *$/ password=secret/}' /var/lib/rear/layout/disklayout.conf
grep -q '^crypt .* uuid=${luks} *password=secret$' /var/lib/rear/layout/disklayout.conf
cp -a /var/lib/rear/layout /root/saved`;

/** Each round begins with what was saved, as in a rescue system that has just started. */
const asSaved = 'rm -rf /var/lib/rear/layout && cp -a /root/saved /var/lib/rear/layout';

/** Nothing is left on the disks, of either. */
const blank = `
for place in /mnt/local /mnt/root; do if mountpoint -q $place; then umount -R $place; fi; done
swapoff --all
vgchange -qan
cryptsetup close crypt || true
mdadm --stop --scan
for disk in /dev/sda /dev/vda; do blkdiscard --force --zeroout $disk; blockdev --rereadpt $disk; done
btrfs device scan --forget
udevadm settle`;

/** All that both shall make is there, by its UUID. */
const isThere = `
found=$(blkid --cache-file /dev/null --match-tag UUID)
for number in 2 3 4 5 6; do echo "$found" | grep -q "0b0f1a4e-0601-4000-8000-00000000000$number"; done`;

const lineText = ({ text, after }: Line): string =>
  `${after.wallSeconds.toFixed(1).padStart(8)} s ${after.cpuSeconds.toFixed(1).padStart(6)} s of processor  ${text}`;

function report(what: string, runs: readonly Usage[]): void {
  const texts = runs.map(
    ({ wallSeconds, cpuSeconds }) => `${wallSeconds.toFixed(1)} s (processor ${cpuSeconds.toFixed(1)})`,
  );
  console.log(`apply: ${what}: ${texts.join(' against ')}`);
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
