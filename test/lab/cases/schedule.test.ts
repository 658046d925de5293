/** The scheduler as a service of a system that runs: made by `lifeboat schedule install`, started and watched by systemd. */
import { expect, test } from 'vitest';
import { z } from 'zod';
import type { Host } from '../../../src/host/host.ts';
import { captureFacts } from '../../../src/facts/capture.ts';
import { factsSchema } from '../../../src/facts/types.ts';
import { sleep } from '../../../src/kernel/wait.ts';
import { captureLayout } from '../../../src/layout/capture.ts';
import { layoutChanges } from '../../../src/layout/diff.ts';
import { parseLayout } from '../../../src/layout/types.ts';
import { networkChanges } from '../../../src/network/diff.ts';
import { captureNetwork } from '../../../src/network/capture.ts';
import { networkSchema } from '../../../src/network/types.ts';
import { temporaryDirectory } from '../../helpers/temporary.ts';
import { parseDisk } from '../stack.ts';
import { addProgram, program } from '../program.ts';
import { rebooted, startSystem } from '../system.ts';
import { whyNoNamespaces } from '../system/namespaces.ts';

const { signal } = new AbortController();
const why = await whyNoNamespaces(signal);
if (why !== undefined) console.log(`${import.meta.filename}: left out, as ${why}`);
const now = new Date('2026-11-21T12:00:00Z');
const unit = 'lifeboat-schedule.service';
/** Longer than anything takes on a machine that is busy with ten other things. */
const limitMs = 1_200_000;

test.skipIf(why !== undefined)(
  'a scheduler under systemd: ready, killed, on time, after a time when the machine was off',
  {
    timeout: 7_200_000,
  },
  async () => {
    await using place = await temporaryDirectory();
    await using lab = await startSystem({ disks: ['DATA=512M', 'A=128M', 'B=128M', 'C=64M'].map(parseDisk) }, signal);
    const { machine } = lab;
    const script = scriptOn(lab.host);
    const device = (serial: string) => lab.devices.get(serial) ?? serial;
    await addProgram(machine, lab.host, place.path, signal);
    await script(`
    mdadm --quiet --create /dev/md/both --run --level=1 --raid-devices=2 ${device('A')} ${device('B')}
    vgcreate data /dev/md/both
    lvcreate --size 64m --name files data
    mkfs.ext4 -q /dev/data/files
    printf passphrase | cryptsetup luksFormat --batch-mode --pbkdf pbkdf2 --pbkdf-force-iterations 1000 ${device('C')} -
    mkfs.ext4 -q -L backup ${device('DATA')}
    echo 'LABEL=backup /srv/backup ext4 defaults 0 2' >> /etc/fstab
    mkdir /srv/backup
    systemctl daemon-reload
    mount /srv/backup
    code=$(${lifeboat} init --repository file:///srv/backup --include /etc /root | grep -oE '([0-9A-Z]{5}-){6}[0-9A-Z]{5}')
    LIFEBOAT_RECOVERY_CODE=$code ${lifeboat} key check
    printf '%s\\n' 'rpo: 26h' 'schedule:' '  backup: { cron: "0 3 * * *" }' >> /etc/lifeboat/lifeboat.yaml
    ${lifeboat} schedule install`);

    // Ready, as it has said by itself, and nothing in its unit that systemd wonders about.
    expect(await script(`systemctl is-enabled ${unit}; systemd-analyze verify ${unit} 2>&1`)).toBe('enabled\n');
    await until(
      'it is not ready',
      () => script(show),
      (said) => ready.test(said),
    );
    expect(await script(`systemctl show -p MainPID,ExecMainPID ${unit}`)).toMatch(
      /^MainPID=([1-9]\d*)\nExecMainPID=\1$/m,
    );

    // Killed in the middle of a run, and all that it had started with it.
    await script(
      `sed -i "s/cron: .*/cron: '$(date --date '2 minutes' '+%-M %-H') * * *' }/" /etc/lifeboat/lifeboat.yaml`,
    );
    await logged(lab.host, 'backup: begins');
    await script(`systemctl kill --kill-who=main --signal=KILL ${unit}`);
    await logged(lab.host, 'was killed, and is begun again');
    expect(await script(`systemctl show -p NRestarts ${unit}`)).toBe('NRestarts=1\n');
    const { run, ...end } = await ended(lab.host);
    const findings = await findingsOf(lab.host, run);
    expect({ ...end, findings }).toEqual({ outcome: 'done', attempts: 1, findings: [] });

    // What was captured in there is what root sees outside of it.
    const seen = async (kind: string) => await asked(lab.host, kind, 'show', 'latest');
    const captured = {
      layout: parseLayout(await seen('layout')),
      network: networkSchema.parse(await seen('network')),
      facts: factsSchema.parse(await seen('facts')),
    };
    const layout = await captureLayout(lab.host, now, signal);
    const network = await captureNetwork(lab.host, now, signal);
    expect(new Set(layout.components.map(({ kind }) => kind))).toContain('lv');
    expect(captured.layout.gaps).toEqual(layout.gaps);
    expect(captured.network.gaps).toEqual(network.gaps);
    expect(captured.facts.gaps).toEqual((await captureFacts(lab.host, now, signal)).gaps);
    expect(layoutChanges(captured.layout, layout)).toEqual([]);
    expect(networkChanges(captured.network, network)).toEqual([]);

    // Off from before the next run until after it.
    await script(`systemctl stop ${unit}; date --set 'tomorrow 23:59' > /dev/null; hwclock --systohc --utc`);
    await using host = await rebooted(lab, signal);
    await logged(host, 'was missed, and is made up now');
    await logged(host, 'backup: done');
    await until(
      'it is not ready',
      () => scriptOn(host)(show),
      (said) => ready.test(said),
    );
    expect(await asked(host, 'points', 'list')).toMatchObject({ points: [{}, {}] });
  },
);

const lifeboat = program.join(' ');
const show = `systemctl show -p Type,ActiveState,SubState,StatusText ${unit}`;
const ready = /^Type=notify\nStatusText=next: backup .+\nActiveState=active\nSubState=running$/m;

const endSchema = z.object({ outcome: z.string(), attempts: z.number(), run: z.string() });
const jobSchema = z.object({ last: endSchema.optional() });
const runSchema = z.object({ findings: z.array(z.object({ subject: z.string(), problem: z.string() })) });

function scriptOn(host: Host): (text: string) => Promise<string> {
  return async (text) => (await host.run(['sh', '-ec', text], { timeoutMs: limitMs }, signal)).stdout.toString();
}

async function asked(host: Host, ...command: string[]): Promise<unknown> {
  const { stdout } = await host.run([...program, '--json', '--quiet', ...command], { timeoutMs: limitMs }, signal);
  return JSON.parse(stdout.toString());
}

/** Waits until the service has said it. */
async function logged(host: Host, text: string): Promise<void> {
  await until(
    `${unit} has not said "${text}"`,
    () => journal(host),
    (said) => said.includes(text),
  );
}

async function journal(host: Host): Promise<string> {
  return (await host.run(['journalctl', '-b', '-o', 'cat', '-u', unit], {}, signal)).stdout.toString();
}

/** How the last backup ended, once one has. */
async function ended(host: Host) {
  const path = '/var/lib/lifeboat/schedules/backup.json';
  const read = async () => jobSchema.parse(JSON.parse((await host.read(path, {}, signal)).toString())).last;
  return endSchema.parse(await until('no backup has ended', read, (last) => last !== undefined));
}

/** What a run was not content with. */
async function findingsOf(host: Host, run: string) {
  return runSchema.parse(await asked(host, 'runs', 'show', run)).findings;
}

async function until<T>(otherwise: string, look: () => Promise<T>, enough: (seen: T) => boolean): Promise<T> {
  for (const end = Date.now() + limitMs; ; ) {
    const seen = await look();
    if (enough(seen)) return seen;
    if (Date.now() > end) throw new Error(`${otherwise}; seen: ${String(seen)}`);
    await sleep(1_000, signal);
  }
}
