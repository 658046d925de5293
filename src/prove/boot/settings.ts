/** Files that a starting system goes by before it mounts anything: what they name has to be here. */
import type { Component } from '../../layout/types.ts';
import type { Scene } from '../scene.ts';
import type { Verdict } from '../verdict.ts';

export function configured(scene: Scene): Verdict {
  const verdict: Verdict = { findings: [], notes: [] };
  resumed(scene, verdict);
  physicalVolumes(scene, verdict);
  return verdict;
}

const resumeFile = '/etc/initramfs-tools/conf.d/resume';

/** Where initramfs-tools looks for what was in memory: a device that is not there keeps every start waiting. */
function resumed({ inside, devices, before }: Scene, verdict: Verdict): void {
  const spec = /^\s*RESUME=["']?([^"'\s]+)/m.exec(inside.text(resumeFile) ?? '')?.[1];
  if (spec === undefined || spec === 'none' || spec === 'auto' || devices.meant(spec).length > 0) return;
  const problem = `it names ${spec}, and there is no such device`;
  if (before.meant(spec).length > 0) verdict.findings.push({ subject: resumeFile, problem });
  else verdict.notes.push(`${resumeFile}: ${problem}, as when the point was made`);
}

const devicesFile = '/etc/lvm/devices/system.devices';

/** Where that file is, LVM sees nothing but what it names. */
function physicalVolumes(scene: Scene, verdict: Verdict): void {
  const text = scene.inside.text(devicesFile);
  const lvmConf = scene.inside.text('/etc/lvm/lvm.conf') ?? '';
  if (text === undefined || /^\s*use_devicesfile\s*=\s*0/m.test(lvmConf)) return;
  const named = new Set([...text.matchAll(/^IDTYPE=.*\bPVID=([A-Za-z0-9]{32})/gm)].map(([, id]) => id));
  for (const volume of volumesOf(scene)) {
    if (volume.kind !== 'pv' || volume.uuid === undefined || named.has(volume.uuid.replaceAll('-', ''))) continue;
    const problem = `it does not name the physical volume ${volume.uuid}, so LVM does not see what the system is on`;
    verdict.findings.push({ subject: devicesFile, problem });
  }
}

/** What the mounts of the system lie on, at any depth. */
function volumesOf({ mounts, devices }: Scene): Component[] {
  const seen = new Set(mounts.flatMap(({ on }) => on));
  for (const id of seen) for (const below of devices.get(id)?.on ?? []) seen.add(below);
  return [...seen].flatMap((id) => devices.get(id) ?? []);
}
