/** How the machine starts: firmware, its boot entries, the command line, kernels. Loaders are a kind of their own. */
import { z } from 'zod';
import { present } from '../../kernel/present.ts';
import { partitionNumber } from '../identity.ts';
import { common, type LayoutHandler, text } from '../handler.ts';
import { lastingParameters, redactedLine } from '../boot/command-line.ts';
import type { EfiBoot } from '../boot/efibootmgr.ts';
import { askSecureBoot, askStarter, firmwareSchema, secureBootSchema } from '../boot/firmware.ts';
import { bootQuestions, type Found, foundOf } from '../boot/found.ts';
import { grubValues } from '../boot/grub.ts';
import { initramfsOf, initramfsSchema, kernelSchema, kernelsOf } from '../boot/kernels.ts';
import { bootRoles } from '../boot/places.ts';
import type { Probes } from '../probes.ts';

const entry = z.object({
  /** Four hexadecimal digits, as in `BootOrder`. */
  number: z.string(),
  active: z.boolean(),
  label: z.string(),
  /** GUID of a GPT partition; of an MBR the signature and number: `1b2c3d4e-01`. */
  partUuid: text,
  partitionNumber: z.number().exactOptional(),
  /** Id of that partition, where it is in this layout. */
  partition: text,
  /** Of the loader in that partition, with `\` as firmware writes it. */
  path: text,
  arguments: text,
  mac: text,
  url: text,
  /** Where it is no file on a partition: network, CD, a part of the firmware. */
  devicePath: text,
});

const schema = z.object({
  kind: z.literal('boot'),
  ...common,
  firmware: firmwareSchema,
  /** Of the firmware: a 64-bit machine may have a 32-bit one, which starts 32-bit loaders only. */
  firmwareBits: z.union([z.literal(32), z.literal(64)]).exactOptional(),
  /** Absent where it could not be seen. */
  secureBoot: secureBootSchema.exactOptional(),
  /** Absent without UEFI, or where nobody could ask it. */
  efi: z
    .object({
      current: text,
      next: text,
      timeoutSeconds: z.number().exactOptional(),
      /** `0001,0000`: one text, for here the order says something. */
      order: text,
      /** Files on partitions. */
      entries: z.array(entry),
      /** What the firmware offers by itself. */
      others: z.array(entry),
    })
    .exactOptional(),
  /** What the loader that started this system says of itself. */
  startedBy: z.object({ name: text, stub: text, partUuid: text }).exactOptional(),
  commandLine: z.object({
    /** As the kernel was started, with secrets replaced. */
    running: text,
    /** Without what loaders add for themselves. */
    parameters: z.array(z.string()).exactOptional(),
    /** `GRUB_CMDLINE_LINUX`: of every entry that GRUB makes. */
    grub: text,
    /** `GRUB_CMDLINE_LINUX_DEFAULT`: of those that are no rescue. */
    grubDefault: text,
    /** `/etc/kernel/cmdline`. */
    kernelInstall: text,
  }),
  /** `uname -r`. */
  runningKernel: text,
  /** Absent where nobody could look for them. */
  kernels: z.object({ installed: z.array(kernelSchema) }).exactOptional(),
  initramfs: initramfsSchema.exactOptional(),
  /** Absent where types of partitions could not be read. */
  disks: z
    .object({
      /** Whose type says that a machine starts from them. */
      partitions: z.array(
        z.object({
          role: z.enum(bootRoles),
          id: z.string(),
          number: z.number(),
          partUuid: text,
          mounts: z.array(z.string()),
          /** Id of the RAID between it and its filesystem. */
          through: text,
        }),
      ),
    })
    .exactOptional(),
});

type Boot = z.infer<typeof schema>;

export const boot: LayoutHandler<Boot> = {
  kind: 'boot',
  schema,
  askedBy: bootQuestions,
  async capture(probes, asker) {
    const found = await foundOf(probes, asker);
    const uefi = found.firmware === 'uefi';
    const [bits, secureBoot, startedBy, running, release] = await Promise.all([
      uefi ? asker.file('/sys/firmware/efi/fw_platform_size', parseBits, { mayBeAbsent: true }) : undefined,
      askSecureBoot(asker, found.firmware, found.firmwarePaths),
      uefi ? askStarter(asker, found.firmwarePaths) : undefined,
      asker.file('/proc/cmdline', (content) => content.replace(/[\0\n]+$/, '')),
      asker.file('/proc/sys/kernel/osrelease', (content) => content.trim()),
    ]);
    return [
      {
        kind: 'boot',
        id: 'boot',
        on: [...found.places.mountIds],
        firmware: found.firmware,
        commandLine: {
          ...present({
            running: running === undefined ? undefined : redactedLine(running),
            parameters: running === undefined ? undefined : lastingParameters(running),
          }),
          ...configuredLines(found),
        },
        ...(found.looked ? { kernels: kernels(found, release) } : {}),
        ...(found.places.typed ? { disks: { partitions: partitions(found, probes) } } : {}),
        ...present({
          runningKernel: release,
          firmwareBits: bits,
          secureBoot,
          efi: found.efi === undefined ? undefined : efiOf(found.efi, probes),
          startedBy,
          initramfs: initramfsOf(found.systemFiles, found.texts.get('/etc/kernel/install.conf') ?? []),
        }),
      },
    ];
  },
  title({ firmware, firmwareBits, secureBoot, efi, runningKernel, kernels, initramfs }) {
    const count = efi?.entries.length ?? 0;
    const images = kernels?.installed.length ?? 0;
    return [
      `start by ${names[firmware]}${firmwareBits === 32 ? ', 32-bit' : ''}`,
      secureBoot === undefined || secureBoot.state === 'unsupported'
        ? undefined
        : `Secure Boot ${secureBoot.state === 'setup' ? 'in setup mode' : secureBoot.state}`,
      efi === undefined ? undefined : `${count} EFI ${count === 1 ? 'entry' : 'entries'}`,
      images === 0 ? undefined : `${images} ${images === 1 ? 'kernel' : 'kernels'}`,
      runningKernel === undefined ? undefined : `running ${runningKernel}`,
      initramfs === undefined ? undefined : `initramfs by ${initramfs.tool ?? initramfs.installed.join(' or ')}`,
    ]
      .filter((part) => part !== undefined)
      .join('  ');
  },
  coverage: () => undefined,
  volatile: ['commandLine.running', 'efi.current', 'efi.next', 'efi.timeoutSeconds', 'efi.others', 'startedBy'],
  risk(difference) {
    if (difference.change === 'removed') return 'recovery';
    if (difference.change === 'added') return 'appearance';
    const { attribute, before, component } = difference;
    if (attribute === 'firmware' || attribute === 'firmwareBits') return 'recovery';
    if (attribute === 'secureBoot.state') return component.secureBoot?.state === 'enabled' ? 'recovery' : 'appearance';
    if (attribute !== 'disks.partitions') return 'appearance';
    const now = new Set(component.disks?.partitions.map(({ id }) => id));
    return before.disks?.partitions.some(({ role, id }) => role === 'esp' && !now.has(id)) === true
      ? 'recovery'
      : 'appearance';
  },
};

const names: Readonly<Record<Boot['firmware'], string>> = {
  uefi: 'UEFI',
  bios: 'BIOS',
  openfirmware: 'Open Firmware',
  devicetree: 'a device tree',
  unknown: 'unknown firmware',
};

function parseBits(content: string): 32 | 64 {
  const bits = Number(content);
  if (bits !== 32 && bits !== 64) throw new Error('neither 32 nor 64');
  return bits;
}

function configuredLines({ texts }: Found) {
  const grub = grubValues(texts);
  const line = (value: string | undefined) => (value === undefined ? undefined : redactedLine(value));
  const own = texts.get('/etc/kernel/cmdline')?.filter((one) => !one.startsWith('#'));
  return present({
    grub: line(grub['GRUB_CMDLINE_LINUX']),
    grubDefault: line(grub['GRUB_CMDLINE_LINUX_DEFAULT']),
    kernelInstall: line(own?.join(' ')),
  });
}

function kernels({ bootFiles, systemFiles, texts }: Found, release: string | undefined) {
  const modules = systemFiles.filter(({ path }) => path.startsWith('/lib/modules/'));
  const packageNames = new Map([...texts].filter(([path]) => path.endsWith('/pkgbase')));
  return { installed: kernelsOf(bootFiles, modules, packageNames, release) };
}

function efiOf({ entries, order, ...rest }: EfiBoot, probes: Probes): Boot['efi'] {
  const known = new Map(
    probes.devices.flatMap(({ partUuid, number }) =>
      partUuid === undefined ? [] : [[partUuid.toLowerCase(), probes.ids.get(number)] as const],
    ),
  );
  const all = entries.map((one) => ({ ...one, ...present({ partition: known.get(one.partUuid ?? '') }) }));
  return {
    ...rest,
    ...(order.length === 0 ? {} : { order: order.join(',') }),
    entries: all.filter(({ path }) => path !== undefined),
    others: all.filter(({ path }) => path === undefined),
  };
}

function partitions({ places }: Found, probes: Probes): NonNullable<Boot['disks']>['partitions'] {
  return places.partitions.flatMap(({ role, device, mounts, through, removable }) =>
    removable
      ? []
      : [
          {
            role,
            id: probes.ids.get(device.number) ?? device.number,
            number: partitionNumber(device),
            mounts: mounts.map(({ target }) => target),
            ...present({
              partUuid: device.partUuid,
              through: through === undefined ? undefined : probes.ids.get(through.number),
            }),
          },
        ],
  );
}
