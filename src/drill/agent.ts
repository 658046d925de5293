/**
 * The way into the machine once it has booted from its own disks: our agent, put into the recovered system of these throw-away images, and said
 * so in the report. It answers at a port that only a virtual machine has, and needs nothing of the system but that it starts it.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path/posix';
import type { Facts } from '../facts/types.ts';
import { chrootHost } from '../host/chroot.ts';
import type { Host } from '../host/host.ts';
import { asLifeboatError } from '../kernel/errors.ts';

const directory = '/etc/lifeboat-drill';
const program = `${directory}/agent`;
const unit = 'lifeboat-drill-agent.service';

/** There as early as its filesystems, so that a system that gets no further can be looked at too. */
const unitText = `[Unit]
Description=Agent of a lifeboat drill
DefaultDependencies=no
After=local-fs.target

[Service]
ExecStart=${program}
Restart=always
RestartSec=1
KillMode=process

[Install]
WantedBy=sysinit.target
`;

/** What has to start it, by the init of the recorded system. */
type Init = NonNullable<Facts['services']>['init'];

/**
 * @param agent the file of the program, which is linked to nothing
 * @returns whether something will start it
 */
export async function installAgent(
  host: Host,
  root: string,
  init: Init | undefined,
  agent: string,
  signal: AbortSignal,
): Promise<boolean> {
  if (init === undefined || init === 'unknown') return false;
  // Its links lead where they lead in it, and not into the rescue system.
  const inside = chrootHost(host, root);
  await inside.run(['mkdir', '-p', directory], {}, signal);
  await inside.write(program, await readFile(agent), { mode: 0o755 }, signal);
  await label(host, root, signal);
  if (init === 'systemd') {
    const place = `/etc/systemd/system/${unit}`;
    const wants = '/etc/systemd/system/sysinit.target.wants';
    await inside.write(place, Buffer.from(unitText), { mode: 0o644 }, signal);
    await inside.run(['mkdir', '-p', wants], {}, signal);
    await inside.run(['ln', '-sf', place, `${wants}/${unit}`], {}, signal);
    return true;
  }
  const table = '/etc/inittab';
  const before = await inside.read(table, {}, signal).catch((error: unknown) => {
    if (asLifeboatError(error).code === 'not-found') return undefined;
    throw error;
  });
  if (before === undefined) return false;
  // That of busybox knows no runlevels, whoever starts the services.
  const isPlain = /^::/m.test(before.toString('latin1'));
  const line = isPlain ? `::respawn:${program}\n` : `ld:2345:respawn:${program}\n`;
  await inside.write(table, Buffer.concat([before, Buffer.from(`\n${line}`)]), { mode: 0o644 }, signal);
  return true;
}

/** As a system with SELinux labels a program of its own, where it labels any. */
async function label(host: Host, root: string, signal: AbortSignal): Promise<void> {
  const okCodes = [0, 1, 2];
  const argv = ['getfattr', '--absolute-names', '--only-values', '-n', 'security.selinux'] as const;
  const { code } = await host.run([...argv, join(root, '/usr/bin/env')], { okCodes }, signal);
  if (code !== 0) return;
  const value = 'system_u:object_r:bin_t:s0';
  await host.run(['setfattr', '-n', 'security.selinux', '-v', value, join(root, program)], { okCodes }, signal);
}
