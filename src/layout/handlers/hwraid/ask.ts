/** The questions to RAID controllers: only where the kernel has disks of one, and only by the tool of its maker. */
import { basename } from 'node:path/posix';
import type { Asker } from '../../../host/asker.ts';
import type { LogicalDrive, RaidController } from '../../hwraid.ts';
import type { Probes } from '../../probes.ts';
import {
  controllersArgv,
  megaRaidControllers,
  megaRaidOkCodes,
  parseAnswers,
  physicalDrivesArgv,
  virtualDrivesArgv,
} from '../../tools/megaraid.ts';
import { parseSmartArray, smartArrayArgv, smartArrayOkCodes } from '../../tools/smartarray.ts';
import type { BlockDevice } from '../../tools/lsblk.ts';

/** Why nobody should rely on it yet. */
export const unverifiedReason = 'parsed from outputs that others have published; never tried on the hardware';

const subject = 'RAID controllers';
/** What gaps about all of them are named after. */
export const raidQuestions = ['bus paths of disks', subject];

/** They answer slowly where there are many drives. */
const timeoutMs = 60_000;

interface Family {
  readonly name: string;
  /** Of the kernel. */
  readonly drivers: readonly string[];
  /** Where its tools are put; the first that is there is asked. */
  readonly tools: readonly string[];
  readonly hint: string;
  readonly ask: (tool: string, asker: Asker) => Promise<readonly RaidController[]>;
}

const onPath = (...names: readonly string[]): string[] =>
  names.flatMap((name) =>
    ['/usr/sbin', '/usr/bin', '/usr/local/sbin', '/usr/local/bin', '/sbin'].map((folder) => `${folder}/${name}`),
  );

const families: readonly Family[] = [
  {
    name: 'megaraid',
    drivers: ['megaraid_sas'],
    tools: [
      '/opt/MegaRAID/storcli/storcli64',
      '/opt/MegaRAID/storcli/storcli',
      '/opt/MegaRAID/perccli/perccli64',
      '/opt/MegaRAID/perccli/perccli',
      ...onPath('storcli64', 'storcli', 'perccli64', 'perccli'),
    ],
    hint: 'Install storcli of Broadcom, or perccli of Dell for a PERC; Debian does not have them.',
    ask: askMegaRaid,
  },
  {
    name: 'smartarray',
    drivers: ['hpsa', 'smartpqi', 'cciss'],
    tools: [
      '/opt/smartstorageadmin/ssacli/bin/ssacli',
      '/opt/hp/hpssacli/bld/hpssacli',
      '/opt/compaq/hpacucli/bld/hpacucli',
      ...onPath('ssacli', 'hpssacli', 'hpacucli'),
    ],
    hint: 'Install ssacli of HPE; Debian does not have it.',
    ask: async (tool, asker) =>
      (await asker.ask({
        argv: smartArrayArgv(tool),
        okCodes: smartArrayOkCodes,
        parse: parseSmartArray,
        subject,
        timeoutMs,
      })) ?? [],
  },
];

/** Drivers whose controllers make disks of several drives, too, and have tools that are not understood. */
const others = ['mpi3mr', 'aacraid', 'arcmsr', '3w-9xxx', '3w-sas', 'ips', 'hptiop'];
/** Most controllers of these hand on their drives as they are. */
const seldom = ['mpt3sas', 'mpt2sas', 'mptsas'];
const seldomModel = 'Logical Volume';

export interface OwnLogical {
  readonly id: string;
  readonly said: LogicalDrive;
  /** The kernel's disk. */
  readonly device?: BlockDevice;
}

export interface OwnController {
  readonly id: string;
  readonly family: string;
  readonly said: RaidController;
  readonly logical: readonly OwnLogical[];
}

const asked = new WeakMap<Probes, Promise<readonly OwnController[]>>();

/** Asked once for all that want to know. */
export function askRaid(probes: Probes, asker: Asker): Promise<readonly OwnController[]> {
  const known = asked.get(probes);
  if (known !== undefined) return known;
  const answer = askFamilies(probes, asker);
  asked.set(probes, answer);
  return answer;
}

async function askFamilies(probes: Probes, asker: Asker): Promise<readonly OwnController[]> {
  const addresses = new Set(probes.devices.flatMap((device) => addressOf(device, probes) ?? []));
  const [first, ...rest] = [...addresses].sort().map((address) => `/sys/bus/pci/devices/${address}/driver`);
  if (first === undefined) return [];
  const drivers = await asker.ask({
    argv: ['realpath', first, ...rest],
    okCodes: [0, 1],
    subject,
    parse: (stdout) => stdout.split('\n').map((path) => path.split('/').at(-1) ?? ''),
  });
  const found: [string, RaidController][] = [];
  for (const { name, drivers: own, tools, hint, ask } of families) {
    if (drivers?.some((driver) => own.includes(driver)) !== true) continue;
    const tool = await toolOf(tools, asker);
    if (tool !== undefined) found.push(...(await ask(tool, asker)).map((one): [string, RaidController] => [name, one]));
    else asker.gap({ subject, problem: `no such program: ${toolNames(tools)}`, hint });
  }
  const volumes = probes.devices.some(({ model }) => model === seldomModel);
  for (const driver of new Set(drivers)) {
    if (!others.includes(driver) && !(volumes && seldom.includes(driver))) continue;
    asker.gap({
      subject,
      problem: `those of the driver ${driver} are not asked: what their disks are made of is not known`,
      hint: 'note how they are configured, and keep the note with the recovery code',
    });
  }
  return withIds(found, probes.devices);
}

/** Of the controller, where it is on the PCI bus and no driver of another bus lies between. */
function addressOf({ number, type, subsystems, transport }: BlockDevice, { busPaths }: Probes): string | undefined {
  if (type !== 'disk' || !/^block(:scsi|:cciss)?:pci$/.test(subsystems ?? '')) return undefined;
  if (transport !== undefined && transport !== 'sas') return undefined;
  return busPaths
    .get(number)
    ?.split('/')
    .findLast((part) => /^[\da-f]{4,}:[\da-f]{2}:[\da-f]{2}\.[0-7]$/.test(part));
}

/** The first that is there. */
async function toolOf(tools: readonly string[], asker: Asker): Promise<string | undefined> {
  const there = await asker.ask({
    argv: ['stat', '-L', '-c', '%n', ...tools],
    okCodes: [0, 1],
    subject,
    parse: (stdout) => stdout.split('\n'),
  });
  return tools.find((tool) => there?.includes(tool) === true);
}

async function askMegaRaid(tool: string, asker: Asker): Promise<readonly RaidController[]> {
  const questions = [controllersArgv(tool), virtualDrivesArgv(tool), physicalDrivesArgv(tool)];
  const answers: ReturnType<typeof parseAnswers>[] = [];
  for (const argv of questions) {
    const answer = await asker.ask({ argv, okCodes: megaRaidOkCodes, parse: parseAnswers, subject, timeoutMs });
    // Without the first nothing can be said, and one that hangs would hang again.
    if (answer === undefined) break;
    answers.push(answer);
  }
  const [controllers = new Map(), volumes = new Map(), drives = new Map()] = answers;
  try {
    return megaRaidControllers({ controllers, volumes, drives });
  } catch (error) {
    asker.gap({ subject, problem: `${tool} said something that lifeboat does not understand`, hint: String(error) });
    return [];
  }
}

/** Serial numbers and WWNs; a place only where those are missing or the same twice. */
function withIds(found: readonly [string, RaidController][], devices: readonly BlockDevice[]): OwnController[] {
  const taken = new Set<string>();
  const unique = (wanted: string): string => {
    let id = wanted;
    for (let count = 2; taken.has(id); count += 1) id = `${wanted}#${count}`;
    taken.add(id);
    return id;
  };
  return found.map(([family, said]) => {
    const id = unique(`raid-controller:${said.serial ?? said.pciAddress ?? `${said.model}:${said.slot ?? ''}`}`);
    const logical = said.logical.map((one) => {
      const device = deviceOf(one, devices);
      const name = one.uniqueId ?? `${id.slice('raid-controller:'.length)}:${one.number}`;
      return { id: unique(`logical-drive:${name}`), said: one, ...(device === undefined ? {} : { device }) };
    });
    return { id, family, said, logical };
  });
}

/** By its WWN, which the kernel has from the controller; only of one without by its name. */
function deviceOf(
  { uniqueId, device: path }: OwnLogical['said'],
  devices: readonly BlockDevice[],
): BlockDevice | undefined {
  const disks = devices.filter(({ type }) => type === 'disk');
  const known = uniqueId === undefined ? undefined : disks.find(({ wwn }) => bareWwn(wwn) === uniqueId);
  return known ?? disks.find((one) => one.path === path && bareWwn(one.wwn) === undefined);
}

/** `0x600508b1…`, `naa.600508b1…` */
function bareWwn(wwn: string | undefined): string | undefined {
  return wwn?.toLowerCase().replace(/^(0x|naa\.)/, '');
}

/** For the gap: without their directories, each once. */
function toolNames(tools: readonly string[]): string {
  return [...new Set(tools.map((tool) => basename(tool)))].join(', ');
}
