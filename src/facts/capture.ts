import { type Asker, asker } from '../host/asker.ts';
import type { Host } from '../host/host.ts';
import { captureCpu } from './cpu.ts';
import { captureCron } from './cron.ts';
import { captureDmi } from './dmi.ts';
import { captureHostname } from './hostname.ts';
import { captureImage } from './image.ts';
import { captureCgroup, captureCommandLine, captureKernels, captureSecurity, securityFiles } from './kernel.ts';
import { captureInstalledBytes, parseMeminfo } from './memory.ts';
import { captureModules } from './modules.ts';
import { captureNuma } from './numa.ts';
import { capturePackages } from './packages.ts';
import { capturePlaces, type Places, places } from './places.ts';
import { captureVirtualization, firmwareOf } from './platform.ts';
import { capturePorts } from './ports.ts';
import { captureServices } from './services.ts';
import { captureMachineId, captureOsRelease, captureTimeZone, parseUname } from './system.ts';
import { timersOf } from './timers.ts';
import { readTogether } from './together.ts';
import { type Facts, factsFormat } from './types.ts';
import { captureUnits } from './units.ts';
import { captureUsers } from './users.ts';
import { captureWorkloads } from './workloads.ts';

/** Those that most hosts have, and that are short on all of them. */
const smallFiles = [
  '/proc/cpuinfo',
  '/proc/meminfo',
  '/proc/cmdline',
  '/proc/modules',
  '/proc/cgroups',
  '/proc/self/mounts',
  '/proc/sys/kernel/hostname',
  '/proc/sys/net/ipv4/ip_local_port_range',
  '/proc/device-tree/model',
  places.cgroup2,
  `${places.memoryBlocks}/block_size_bytes`,
  '/etc/machine-id',
  '/etc/os-release',
  '/etc/passwd',
  ...Object.values(securityFiles),
];

/**
 * What a host is. Changes nothing on it and ends within a bounded time: what cannot be seen becomes a gap.
 *
 * @throws LifeboatError only what aborted `signal`
 */
export async function captureFacts(host: Host, now: Date, signal: AbortSignal): Promise<Facts> {
  const each = asker(host, signal);
  const [there, questions] = await Promise.all([capturePlaces(each), readTogether(host, each, smallFiles, signal)]);
  const [machine, system, activity] = await Promise.all([
    captureMachine(questions, there),
    captureSystem(questions, there),
    captureActivity(questions, there),
  ]);
  return {
    format: factsFormat,
    capturedAt: now.toISOString(),
    ...system,
    ...machine,
    ...activity,
    // Subjects in a fixed order: whoever answers first must not change the document.
    gaps: questions.gaps.toSorted((a, b) => (a.subject < b.subject ? -1 : a.subject > b.subject ? 1 : 0)),
  };
}

/** What would be the same under another system. */
async function captureMachine(questions: Asker, there: Places) {
  const [cpu, numa, meminfo, installedBytes, virtualization, dmi] = await Promise.all([
    captureCpu(questions),
    captureNuma(questions, there),
    questions.file('/proc/meminfo', parseMeminfo),
    captureInstalledBytes(questions, there),
    captureVirtualization(questions),
    captureDmi(questions, there),
  ]);
  return {
    cpuCount: cpu?.count ?? 0,
    ...given('cpuModel', cpu?.model),
    ...given('cpu', cpu?.cpu),
    ...given('numa', numa),
    memoryBytes: meminfo?.totalBytes ?? 0,
    memory: { ...given('installedBytes', installedBytes), ...given('hugePages', meminfo?.hugePages) },
    firmware: firmwareOf(there),
    ...given('virtualization', virtualization),
    ...given('dmi', dmi),
  };
}

/** What is installed and configured. */
async function captureSystem(questions: Asker, there: Places) {
  const [hostname, machineId, osRelease, system, commandLine, kernels, cgroup, security, modules, timeZone] =
    await Promise.all([
      captureHostname(questions),
      captureMachineId(questions),
      captureOsRelease(questions),
      questions.ask({ argv: ['uname', '-r', '-m'], parse: parseUname }),
      captureCommandLine(questions),
      captureKernels(questions, there),
      captureCgroup(questions, there),
      captureSecurity(questions),
      captureModules(questions),
      captureTimeZone(questions),
    ]);
  const [packages, image] = await Promise.all([capturePackages(questions, there), captureImage(questions, there)]);
  return {
    hostname,
    ...given('machineId', machineId),
    osRelease: osRelease ?? { id: 'unknown', prettyName: 'unknown' },
    kernel: system?.kernel ?? 'unknown',
    ...given('kernelCommandLine', commandLine),
    ...given('kernels', kernels),
    architecture: system?.architecture ?? 'unknown',
    ...given('cgroup', cgroup),
    ...given('security', security),
    ...given('modules', modules),
    ...given('timeZone', timeZone),
    packages,
    ...given('image', image),
  };
}

/** Who works on it, and what runs. */
async function captureActivity(questions: Asker, there: Places) {
  const [{ users, homes }, units, cron, ports] = await Promise.all([
    captureUsers(questions),
    captureUnits(questions, there),
    captureCron(questions),
    capturePorts(questions, there),
  ]);
  const [services, workloads] = await Promise.all([
    captureServices(questions, there, units?.files),
    captureWorkloads(questions, there, homes),
  ]);
  return {
    ...given('users', users),
    ...given('services', services),
    ...given('timers', there.has('systemd') ? units && timersOf(units) : []),
    cron,
    ...given('ports', ports),
    ...workloads,
  };
}

/** A key with its value, and nothing for none: absent is not the same as `undefined` in a document. */
function given<K extends string, T>(key: K, value: T | undefined): { [P in K]?: T } {
  const result: { [P in K]?: T } = {};
  if (value !== undefined) result[key] = value;
  return result;
}
