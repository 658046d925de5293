import { gapLines } from '../host/gap.ts';
import { printable } from '../kernel/text.ts';
import { formatBytes } from '../kernel/units.ts';
import type { Facts } from './types.ts';

/** How many of a long list are named. */
const named = 12;

type Row = readonly [name: string, value: string | undefined];

interface Named {
  readonly manager: string;
  readonly name: string;
  readonly running?: boolean;
}

/** For a terminal: grouped, and counted where a list would be long. */
export function factsText(facts: Facts): string {
  const groups: readonly (readonly [string, readonly Row[]])[] = [
    ['', identity(facts)],
    ['Machine', machine(facts)],
    ['System', system(facts)],
    ['Runs', activity(facts)],
    ['Workloads', workloads(facts)],
  ];
  const lines = groups.flatMap(([title, rows]) => {
    const shown = rows.flatMap(([name, value]) => (value === undefined ? [] : [`${name.padEnd(15)} ${value}`]));
    if (shown.length === 0) return [];
    return (title === '' ? shown : ['', title, ...shown.map((line) => `  ${line}`)]).map(printable);
  });
  const gaps = gapLines(facts.gaps);
  return [...lines, ...(gaps.length === 0 ? [] : ['', ...gaps])].map((line) => `${line}\n`).join('');
}

function identity(facts: Facts): Row[] {
  return [
    ['host', facts.hostname],
    ['machine id', facts.machineId],
    ['system', facts.osRelease.prettyName],
    ['image', imageText(facts)],
    ['rescue by ssh', facts.rescueKey],
    ['kernel', `${facts.kernel} ${facts.architecture}`],
  ];
}

function imageText({ image }: Facts): string | undefined {
  if (image === undefined) return undefined;
  const origins = [...new Set(image.deployments.flatMap(({ origin }) => origin ?? []))];
  return `${image.kind}, ${counted(image.deployments.length, 'deployment')}${origins.length === 0 ? '' : `: ${origins.join(', ')}`}`;
}

function machine(facts: Facts): Row[] {
  const { cpu, numa, dmi, memory } = facts;
  const topology = cpu && `, ${counted(cpu.sockets, 'socket')}, ${counted(cpu.cores, 'core')}`;
  const product = dmi && [dmi.vendor, dmi.product, dmi.version].filter(Boolean).join(' ');
  const bios = dmi && [dmi.biosVendor, dmi.biosVersion, dmi.biosDate].filter(Boolean).join(' ');
  const huge = memory?.hugePages;
  return [
    ['hardware', product === '' ? undefined : product],
    ['serial number', dmi?.serial],
    ['firmware', bios ? `${facts.firmware} (${bios})` : facts.firmware],
    ['virtualization', facts.virtualization],
    ['CPU', `${facts.cpuCount} × ${facts.cpuModel ?? 'unknown model'}${topology ?? ''}`],
    [
      'NUMA nodes',
      numa === undefined || numa.length < 2
        ? undefined
        : numa
            .map(({ node, cpus, memoryBytes }) => `${node}: ${cpus.length} CPU, ${formatBytes(memoryBytes)}`)
            .join('; '),
    ],
    ['memory', formatBytes(facts.memoryBytes)],
    ['huge pages', huge && `${huge.count} × ${formatBytes(huge.pageBytes)}`],
  ];
}

function system(facts: Facts): Row[] {
  const { security, cgroup, modules } = facts;
  const packages = Object.entries(facts.packages).map(([manager, list]) => {
    return `${typeof list === 'number' ? list : list.length} (${manager})`;
  });
  const loaded = modules?.filter(({ builtin }) => !builtin).length;
  return [
    ['time zone', facts.timeZone],
    ['packages', packages.length === 0 ? undefined : packages.join(', ')],
    ['kernels', facts.kernels?.length ? facts.kernels.join(', ') : undefined],
    ['modules', loaded === undefined ? undefined : `${loaded} loaded`],
    ['cgroups', cgroup && `${cgroup.version}, ${cgroup.controllers.join(' ')}`],
    ['SELinux', security?.selinux?.mode],
    ['AppArmor', security?.apparmor && (security.apparmor.enabled ? 'enabled' : 'disabled')],
  ];
}

function activity(facts: Facts): Row[] {
  const { users, services, timers, cron, ports } = facts;
  const listening = ports?.filter(({ ephemeral }) => !ephemeral);
  return [
    ['users', users && some(users.map(({ name }) => name))],
    ['services', services && `${services.enabled.length} enabled (${services.init})`],
    ['failed', services?.failed?.length ? some(services.failed) : undefined],
    ['timers', timers?.length ? `${timers.filter(({ enabled }) => enabled).length} enabled` : undefined],
    ['cron', cron?.length ? counted(cron.length, 'entry', 'entries') : undefined],
    [
      'listening',
      listening?.length
        ? some([
            ...new Set(
              listening.map((port) => `${port.port}/${port.protocol}${port.process ? ` ${port.process}` : ''}`),
            ),
          ])
        : undefined,
    ],
  ];
}

function workloads(facts: Facts): Row[] {
  const label = ({ name, running }: Named) => `${name}${running === true ? ' (runs)' : ''}`;
  const by = (items: readonly Named[] | undefined): Row[] => {
    const managers = [...new Set(items?.map(({ manager }) => manager))];
    return managers.map((manager) => [
      manager,
      some((items ?? []).filter((item) => item.manager === manager).map(label)),
    ]);
  };
  return [...by(facts.containers), ...by(facts.guests)];
}

function some(names: readonly string[]): string {
  if (names.length === 0) return 'none';
  const more = names.length - named;
  return more > 0 ? `${names.slice(0, named).join(', ')} and ${more} more` : names.join(', ');
}

function counted(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}
