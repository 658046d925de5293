/** What has changed of the machine and of the system as a whole. */
import type { Change } from '../kernel/change.ts';
import { formatBytes } from '../kernel/units.ts';
import { seen, unseen, valueChange } from './diff-sets.ts';
import { securityFiles } from './kernel.ts';
import type { NumaNode } from './numa.ts';
import type { Facts } from './types.ts';

export function machineChanges(before: Facts, after: Facts): Change[] {
  const product = ({ dmi }: Facts) => dmi && seen([dmi.vendor, dmi.product, dmi.version].filter(Boolean).join(' '));
  // Flags come and go with what a kernel knows of them.
  const flags = ({ cpu }: Facts) => (before.kernel === after.kernel ? cpu?.flags.join(' ') : undefined);
  const nobody = unseen(before, 'virtualization') || unseen(after, 'virtualization');
  const virtualization = (facts: Facts) => (nobody ? undefined : (facts.virtualization ?? 'none'));
  return [
    ...valueChange({
      subject: 'architecture',
      was: seen(before.architecture),
      is: seen(after.architecture),
      risk: 'recovery',
      so: 'a system from before does not run on it',
    }),
    ...valueChange({
      subject: 'firmware',
      was: before.firmware === 'unknown' ? undefined : before.firmware.toUpperCase(),
      is: after.firmware === 'unknown' ? undefined : after.firmware.toUpperCase(),
      risk: 'recovery',
      so: 'it would not start a system from before',
    }),
    ...valueChange({ subject: 'hardware', was: product(before), is: product(after), risk: 'appearance' }),
    ...(['serial', 'uuid', 'board', 'biosVersion'] as const).flatMap((attribute) =>
      valueChange({
        subject: 'hardware',
        attribute,
        was: before.dmi?.[attribute],
        is: after.dmi?.[attribute],
        risk: 'appearance',
      }),
    ),
    ...valueChange({
      subject: 'virtualization',
      was: virtualization(before),
      is: virtualization(after),
      risk: 'appearance',
    }),
    ...valueChange({ subject: 'CPU', was: before.cpuModel, is: after.cpuModel, risk: 'appearance' }),
    ...valueChange({
      subject: 'number of CPUs',
      was: seen(before.cpuCount),
      is: seen(after.cpuCount),
      risk: 'appearance',
    }),
    ...flagChange(flags(before), flags(after)),
    ...valueChange({ subject: 'NUMA', was: numaText(before), is: numaText(after), risk: 'appearance' }),
    ...memoryChange(before, after),
  ];
}

function flagChange(was: string | undefined, is: string | undefined): Change[] {
  if (was === undefined || is === undefined || was === is) return [];
  const [old, now] = [new Set(was.split(' ')), new Set(is.split(' '))];
  const lost = [...old.difference(now)];
  const gained = [...now.difference(old)];
  const parts = [
    ...(lost.length > 0 ? [`without ${lost.join(' ')}`] : []),
    ...(gained.length > 0 ? [`with ${gained.join(' ')}`] : []),
  ];
  return [
    {
      subject: 'CPU',
      change: 'changed',
      attribute: 'flags',
      risk: 'appearance',
      text: `CPU is now ${parts.join(', ')}`,
    },
  ];
}

/** Its memory is left out: how much of it a node has depends on what the kernel took. */
function numaText(facts: Facts): string | undefined {
  if (facts.numa === undefined || unseen(facts)) return undefined;
  const node = ({ node, cpus, distances }: NumaNode) =>
    `node ${node} with CPU ${cpus.join(' ')} at ${distances.join(' ')}`;
  return facts.numa.length < 2 ? 'one node' : facts.numa.map(node).join('; ');
}

/** Between the same machine's starts a kernel, a balloon and firmware take more or less for themselves. */
function memoryChange(before: Facts, after: Facts): Change[] {
  const [was, is] = [before.memory?.installedBytes, after.memory?.installedBytes];
  const installed = was !== undefined && is !== undefined;
  const [old, now] = installed ? [was, is] : [before.memoryBytes, after.memoryBytes];
  const tolerance = installed ? 0 : Math.max(64 * 1024 * 1024, old / 64);
  if (old === 0 || now === 0 || Math.abs(now - old) <= tolerance) return [];
  const text = `memory was ${formatBytes(old)}, is ${formatBytes(now)}`;
  return [{ subject: 'memory', change: 'changed', risk: 'appearance', text }];
}

/** Not the host name: the diff of the network tells it. */
export function systemChanges(before: Facts, after: Facts): Change[] {
  const release = ({ osRelease }: Facts) =>
    osRelease.id === 'unknown' ? undefined : [osRelease.id, osRelease.versionId].filter(Boolean).join(' ');
  const sameRelease = release(before) === release(after);
  const pretty = ({ osRelease }: Facts) => (sameRelease ? seen(osRelease.prettyName) : undefined);
  const unsure = (...files: readonly string[]) => unseen(before, ...files) || unseen(after, ...files);
  const noSelinux = unsure(securityFiles.enforce, securityFiles.config);
  const noApparmor = unsure(securityFiles.apparmor);
  const noPlaces = unsure();
  const cgroup = (facts: Facts) => (noPlaces ? undefined : facts.cgroup?.version);
  const rules = isRule(before) === isRule(after);
  const selinux = ({ security }: Facts) =>
    noSelinux ? undefined : security && (security.selinux?.configured ?? security.selinux?.mode ?? 'not there');
  const apparmor = ({ security }: Facts) =>
    noApparmor ? undefined : security && (security.apparmor?.enabled === true ? 'enabled' : 'not enabled');
  return [
    ...valueChange({
      subject: 'machine id',
      was: before.machineId,
      is: after.machineId,
      risk: 'data',
      so: 'this is another installation than that of the older capture',
    }),
    ...valueChange({
      subject: 'system',
      was: release(before),
      is: release(after),
      risk: 'data',
      so: 'a recovery would bring back the other one',
    }),
    ...valueChange({
      subject: 'system',
      attribute: 'name',
      was: pretty(before),
      is: pretty(after),
      risk: 'appearance',
    }),
    ...valueChange({
      subject: 'kernel that runs',
      was: seen(before.kernel),
      is: seen(after.kernel),
      risk: 'appearance',
    }),
    ...valueChange({
      subject: 'kernel command line',
      was: parametersOf(before),
      is: parametersOf(after),
      risk: 'appearance',
    }),
    ...(rules
      ? valueChange({ subject: 'time zone', was: before.timeZone, is: after.timeZone, risk: 'appearance' })
      : []),
    ...valueChange({
      subject: 'version of cgroups',
      was: cgroup(before),
      is: cgroup(after),
      risk: 'appearance',
    }),
    ...valueChange({ subject: 'SELinux', was: selinux(before), is: selinux(after), risk: 'appearance' }),
    ...valueChange({ subject: 'AppArmor', was: apparmor(before), is: apparmor(after), risk: 'appearance' }),
    ...moduleChanges(before, after),
    ...imageChanges(before, after),
  ];
}

/** Of a zone whose name nobody told, its rule is in the facts; the two cannot be compared. */
function isRule({ timeZone }: Facts): boolean {
  return /^(?:[A-Za-z]{3,}|<[^>]+>)[+-]?\d/.test(timeZone ?? '');
}

/** Without what the boot loader adds, which names the kernel or the deployment. */
function parametersOf({ kernelCommandLine }: Facts): string | undefined {
  const words = kernelCommandLine?.split(/\s+/).filter((word) => !/^(?:BOOT_IMAGE|initrd|ostree)=/.test(word));
  return words?.join(' ');
}

/** What people turn while they look for something, and what follows the power supply. */
const restless = /debug|verbose|power|trace/;

/** Which modules are loaded follows what was plugged in or mounted last; how they are set does not. */
function moduleChanges(before: Facts, after: Facts): Change[] {
  const old = new Map(before.modules?.map((item) => [item.name, item]));
  return (after.modules ?? []).flatMap(({ name, builtin, parameters }) => {
    const was = old.get(name);
    if (was === undefined || builtin || was.builtin) return [];
    return Object.entries(parameters).flatMap(([attribute, is]) =>
      restless.test(attribute)
        ? []
        : valueChange({ subject: `module ${name}`, attribute, was: was.parameters[attribute], is, risk: 'appearance' }),
    );
  });
}

function imageChanges(before: Facts, after: Facts): Change[] {
  if (unseen(before, 'deployments of ostree') || unseen(after, 'deployments of ostree')) return [];
  const kind = ({ image }: Facts) => image?.kind ?? 'package by package';
  const list = ({ image }: Facts, field: 'origin' | 'checksum') =>
    image && [...new Set(image.deployments.flatMap((deployment) => deployment[field] ?? []))].sort().join(' ');
  return [
    ...valueChange({ subject: 'way of installation', was: kind(before), is: kind(after), risk: 'data' }),
    ...valueChange({ subject: 'image', was: list(before, 'origin'), is: list(after, 'origin'), risk: 'data' }),
    ...valueChange({
      subject: 'deployments',
      was: list(before, 'checksum'),
      is: list(after, 'checksum'),
      risk: 'appearance',
    }),
  ];
}
