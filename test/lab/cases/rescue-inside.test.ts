/** What is done in the rescue system: nothing reaches a disk before somebody agrees, the old system is looked at, ssh gives the menu. */
import { type ChildProcess, spawn } from 'node:child_process';
import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { localHost } from '../../../src/host/local.ts';
import type { Host } from '../../../src/host/host.ts';
import { cachedDirectory } from '../../helpers/cache.ts';
import { endProcess, freePort, output } from '../../helpers/child-process.ts';
import { ofToday } from '../../helpers/suite.ts';
import { temporaryDirectory } from '../../helpers/temporary.ts';
import { dirtyDisks, passphrase } from '../dirty-disks.ts';
import { labEmulation } from '../prepared.ts';
import { rescueLimitMs, rescueMedium, rescueState, startRescue } from '../rescue.ts';

const timeout = 3_600_000;

const scenes: Readonly<Record<string, (signal: AbortSignal) => Promise<void>>> = {
  'disks of a machine whose plug was pulled are looked at over ssh, and no bit of them changes': async (signal) => {
    await using work = await temporaryDirectory();
    const images = await dirtyDisks(work.path, signal);
    for (const { file } of images) await copyFile(file, `${file}.before`);
    const key = await clientKey();
    const authorized = {
      path: '/root/.ssh/authorized_keys',
      content: await readFile(`${key}.pub`, 'utf8'),
      mode: 0o600,
    };
    const { file } = await rescueMedium({ files: [authorized] });
    const hostPort = await freePort();
    const network = { kind: 'user', forwards: [{ hostPort, guestPort: 22 }] } as const;
    {
      await using rescue = await startRescue(file, { images, cards: [{ network }] }, signal);
      await rescue.menu(signal);
      await using host = await rescue.host(signal);
      expect(await said(host, 'lsblk -dno SERIAL,RO | grep "^[ABC] " | sort', signal)).toBe('A 1\nB 1\nC 1\n');
      // Neither by its name nor by a filesystem on it.
      const attempt =
        'disk=$(readlink -f /dev/disk/by-label/boot); ! dd if=/dev/zero of=$disk count=1 && ! mount $disk /mnt';
      await host.run(['bash', '-c', attempt], {}, signal);
      await using shell = await login({ key, hostPort, directory: work.path }, signal);
      await shell.seen(/ssh by SHA256:.*\n[^]*Number, or arrow keys, then Enter: /);
      // The menu by arrows, down to the third line.
      shell.type('\x1b[B\x1b[B\r');
      await shell.seen(/Passphrase of the encrypted volume/);
      shell.type(`${passphrase}\r`);
      await shell.seen(/The old system is at[^]*not there: \/gone[^]*Enter comes back/);
      shell.type('\r');
      await shell.seen(/3 {2}The old system: a shell in it/);
      const places = ['', '/boot', '/thin', '/var', '/data'];
      const files = places.map((place) => `cat /mnt/lifeboat${place}/file`).join('; ');
      expect(await said(host, files, signal)).toBe('in /m\nin /m/boot\nin /m/thin\nin /m/var\nin /m/data/@d\n');
      expect(await said(host, 'findmnt -rno OPTIONS -R /mnt/lifeboat -t ext4,xfs,btrfs | cut -d, -f1', signal)).toBe(
        'ro\n'.repeat(5),
      );
      // What a symlink of the old system leads to is none of its places.
      expect(await said(host, 'findmnt -rno TARGET /etc/ssh || echo none', signal)).toBe('none\n');
      shell.type('11\r');
      await shell.seen(/The disks are as they were/);
      expect(
        await said(host, 'dmsetup ls; cat /proc/mdstat | grep -c active; losetup -nl | grep -c views', signal),
      ).toBe('No devices found\n0\n0\n');
      await said(host, 'lifeboat layout show host; lifeboat doctor', signal);
    }
    for (const image of images) await same(image.file, `${image.file}.before`, signal);
  },
  'a medium that is not found is told of on the console, with a shell, until it is there': async (signal) => {
    const { file, medium } = await rescueMedium();
    await using work = await temporaryDirectory();
    const other = join(work.path, 'other.iso');
    const bytes = await readFile(file);
    const mark = Buffer.from(`"id": "${medium.id}"`);
    const strange = Buffer.from(`"id": "${'0'.repeat(medium.id.length)}"`);
    for (let at = bytes.indexOf(mark); at !== -1; at = bytes.indexOf(mark, at)) strange.copy(bytes, at);
    await writeFile(other, bytes);
    await using rescue = await startRescue(other, {}, signal);
    const { serial } = rescue.machine;
    await serial.waitFor(/the medium [0-9a-f]{16} was not found in \d+ seconds/, rescueLimitMs, signal);
    await serial.waitFor(/Here is a shell/, rescueLimitMs, signal);
    await serial.type('echo shell-$((40 + 2))\n', signal);
    await serial.waitFor(/shell-42/, rescueLimitMs, signal);
    await rescue.machine.addDisk({ file, format: 'raw', serial: 'GOOD', bus: 'scsi', readOnly: true }, signal);
    await serial.type('exit\n', signal);
    await rescue.menu(signal);
  },
};

test.each(ofToday(Object.entries(scenes), new Date()))('%s', { timeout }, async (_, scene) => {
  await scene(new AbortController().signal);
});

async function said(host: Host, script: string, signal: AbortSignal): Promise<string> {
  const { stdout } = await host.run(
    ['bash', '-c', `export PATH=/usr/sbin:/usr/bin; { ${script}; } 2>&1; true`],
    { timeoutMs: 900_000 },
    signal,
  );
  return stdout.toString();
}

/** The same for all runs, so that the medium is. */
async function clientKey(): Promise<string> {
  const directory = await cachedDirectory('lab/rescue-client', async (work) => {
    await output('ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', join(work, 'key'));
  });
  return join(directory, 'key');
}

interface Login {
  readonly key: string;
  readonly hostPort: number;
  readonly directory: string;
}

/** Somebody who logs in as people do, and knows the rescue system by the key that the command told. */
async function login({ key, hostPort, directory }: Login, signal: AbortSignal) {
  const [type, blob] = (await readFile(join(rescueState, 'rescue/ssh_host_ed25519_key.pub'), 'utf8')).split(' ');
  const known = join(directory, 'known_hosts');
  await writeFile(known, `[127.0.0.1]:${hostPort} ${type} ${blob}\n`);
  const options = [`UserKnownHostsFile=${known}`, 'StrictHostKeyChecking=yes', 'ConnectTimeout=120', 'LogLevel=ERROR'];
  const args = ['-tt', '-F', 'none', '-i', key, ...options.flatMap((one) => ['-o', one]), '-p', String(hostPort)];
  const child: ChildProcess = spawn('ssh', [...args, 'root@127.0.0.1'], {
    stdio: 'pipe',
    env: { ...process.env, TERM: 'vt100' },
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => (text += chunk.toString()));
  return {
    type: (words: string): void => void child.stdin?.write(words),
    /** What comes after is looked for from there. */
    async seen(pattern: RegExp): Promise<void> {
      const end = performance.now() + rescueLimitMs;
      for (;;) {
        const match = pattern.exec(text);
        if (match !== null) return void (text = text.slice(match.index + match[0].length));
        if (child.exitCode !== null || performance.now() > end) throw new Error(`no ${pattern} over ssh:\n${text}`);
        await new Promise((resolve) => setTimeout(resolve, 200));
        signal.throwIfAborted();
      }
    },
    [Symbol.asyncDispose]: async () => await endProcess(child),
  };
}

/** As a guest sees them. */
async function same(file: string, before: string, signal: AbortSignal): Promise<void> {
  const { qemu } = await labEmulation(signal);
  await using host = localHost();
  const [program, ...args] = qemu.argv('qemu-img');
  const argv = [program, ...args, 'compare', '-f', 'qcow2', '-F', 'qcow2', before, file] as const;
  await host.run(argv, { env: qemu.env, timeoutMs: 600_000 }, signal);
}
