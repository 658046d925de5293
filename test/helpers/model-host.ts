/** A host whose tools are those of the model, with what a capture found on it: for plans to be carried out on. */
import type { Host } from '../../src/host/host.ts';
import { LifeboatError } from '../../src/kernel/errors.ts';
import { builderOf } from '../../src/layout/rebuild/builders.ts';
import { devicePath, diskPaths } from '../../src/layout/rebuild/paths.ts';
import { disksOf, siteOf } from '../../src/layout/rebuild/site.ts';
import { type Component, type ComponentOf, type Layout } from '../../src/layout/types.ts';
import { Machine, Refusal } from './model-machine.ts';
import { runTool } from './model-tools.ts';

/** With all that stands on the disks running. */
export function machineOf(layout: Layout): Machine {
  const machine = new Machine();
  const site = siteOf(layout.components);
  const disks = diskPaths(disksOf(layout));
  const pathOf = (id: string): string => devicePath(id, site, disks);
  for (const component of site.order) {
    const below = component.kind === 'lv' ? [] : component.on.map(pathOf);
    const [under = ''] = below;
    if (component.kind === 'disk') machine.addDisk(component);
    else if (component.kind === 'table') {
      const own = layout.components.filter((one) => one.kind === 'partition' && isOn(one, component, site.get));
      const numbers = own.flatMap((one) => (one.kind === 'partition' ? [one.number] : []));
      machine.get(under).content = { type: 'table', label: component.type, numbers };
    } else if (component.kind === 'partition') addPartition(machine, component, under, pathOf(component.id));
    else if (component.kind === 'md') {
      for (const path of below) machine.get(path).content = { type: 'md', array: component.uuid ?? '' };
      machine.stack(pathOf(component.id), component.sizeBytes ?? 0, below);
    } else if (component.kind === 'luks') {
      const offset = component.geometry?.offsetBytes ?? 0;
      machine.get(under).content = { type: 'luks', offset };
      machine.stack(pathOf(component.id), component.sizeBytes - offset, [under]);
    } else if (component.kind === 'pv') {
      machine.get(under).content = { type: 'pv', start: component.startBytes ?? 0 };
    } else if (component.kind === 'vg') addGroup(machine, component, below);
    else if (component.kind === 'lv') addVolume(machine, component, site.get, pathOf);
    else {
      const bytes = 'sizeBytes' in component ? (component.sizeBytes ?? 0) : 0;
      machine.get(under).content = { type: 'filesystem', kind: component.kind, bytes };
    }
  }
  return machine;
}

type Get = (id: string) => Component;

function isOn(one: Component, table: Component, get: Get): boolean {
  return one.on.some((id) => id === table.id || (get(id).kind === 'partition' && isOn(get(id), table, get)));
}

function addPartition(
  machine: Machine,
  { sizeBytes, startBytes = 0, role }: ComponentOf<'partition'>,
  disk: string,
  path: string,
): void {
  const { extents, sector } = machine.get(disk.replace(/(?<=[a-z])\d+$/, ''));
  const [whole] = extents;
  if (whole === undefined) return;
  const start = whole.start + startBytes;
  machine.add({
    path,
    sector,
    bytes: role === 'extended' ? 2 * sector : sizeBytes,
    extents: [{ disk: whole.disk, start, end: start + sizeBytes }],
  });
}

function addGroup(machine: Machine, { name, extentBytes = 0 }: ComponentOf<'vg'>, pvs: readonly string[]): void {
  for (const path of pvs) {
    const { content } = machine.get(path);
    if (content?.type === 'pv') content.group = name;
  }
  machine.groups.set(name, { extentBytes, pvs, used: new Map(), volumes: new Map() });
}

function addVolume(machine: Machine, volume: ComponentOf<'lv'>, get: Get, pathOf: (id: string) => string): void {
  const under = get(volume.on[0] ?? '');
  const group = under.kind === 'lv' ? get(under.on[0] ?? '') : under;
  if (group.kind !== 'vg') throw new Error(`${volume.id} is in no group`);
  const { type = 'linear' } = volume.segments[0] ?? {};
  machine.group(group.name).volumes.set(volume.name, { type, bytes: volume.sizeBytes, takes: [] });
  machine.stack(pathOf(volume.id), volume.sizeBytes, group.on.map(pathOf));
}

export interface ModelHost extends Host {
  /** Commands that it has been given. */
  readonly calls: string[];
}

/** @param fault called before each command with its number, and after it once more: what it throws ends the command there */
export function modelHost(machine: Machine, fault: (call: number, done: boolean) => void = () => {}): ModelHost {
  const calls: string[] = [];
  const nothing = (): never => {
    throw new Error('plans do not ask for that');
  };
  return {
    name: 'model',
    calls,
    async run([program, ...args], { okCodes = [0], stdin = Buffer.alloc(0) }) {
      const call = calls.length;
      calls.push([program, ...args].join(' '));
      fault(call, false);
      if (!(stdin instanceof Uint8Array)) return nothing();
      let code = 0;
      try {
        runTool(program, { machine, args, stdin: Buffer.from(stdin) });
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        if (!okCodes.includes(error.code))
          throw new LifeboatError('command-failed', `${calls.at(-1)}: ${error.message}`);
        ({ code } = error);
      }
      fault(call, true);
      return { code, stdout: Buffer.alloc(0), stderr: '' };
    },
    stream: nothing,
    read: nothing,
    write: nothing,
    [Symbol.asyncDispose]: async () => {},
  };
}

/** Whether what is there is what a layout says, in kind and size. */
export function differences(machine: Machine, layout: Layout): string[] {
  const site = siteOf(layout.components);
  const disks = diskPaths(disksOf(layout));
  return site.order.flatMap((component): string[] => {
    const path = builderOf(component)?.path === undefined ? undefined : devicePath(component.id, site, disks);
    const device = path === undefined ? undefined : machine.devices.get(path);
    if (path !== undefined && device === undefined) return [`${component.id} is not there: ${path}`];
    const size = device === undefined ? undefined : sizeOnDevice(component);
    if (size !== undefined && size !== device?.bytes)
      return [`${component.id} has ${device?.bytes} bytes, not ${size}`];
    if (path !== undefined || !('type' in component || component.kind === 'swap') || component.kind === 'table')
      return [];
    const { content } = machine.get(devicePath(component.on[0] ?? '', site, disks));
    if (content?.type !== 'filesystem' || content.kind !== component.kind) return [`${component.id} was not made`];
    // In whole blocks, where its tool rounds.
    const made = builderOf(component)?.compared?.(component, true) ?? component;
    const bytes = 'sizeBytes' in made ? made.sizeBytes : undefined;
    return content.bytes === bytes ? [] : [`${component.id} has ${content.bytes} bytes, not ${bytes}`];
  });
}

function sizeOnDevice(component: Component): number | undefined {
  if (component.kind === 'partition' && component.role === 'extended') return undefined;
  if (component.kind === 'luks') return component.sizeBytes - (component.geometry?.offsetBytes ?? 0);
  return 'sizeBytes' in component ? component.sizeBytes : undefined;
}
