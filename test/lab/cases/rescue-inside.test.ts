/** What is done in the rescue system: nothing reaches a disk before somebody agrees, the old system is looked at, ssh gives the menu. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { copyFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { basename, join, relative } from 'node:path';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { localHost } from '../../../src/host/local.ts';
import type { Host } from '../../../src/host/host.ts';
import { applyPlan } from '../../../src/layout/rebuild/apply.ts';
import { blankDisks } from '../../helpers/blank-disks.ts';
import { withoutHold } from '../../../src/layout/rebuild/held.ts';
import { planLayout } from '../../../src/layout/rebuild/plan.ts';
import { mediumSchema } from '../../../src/media/medium.ts';
import { toolsIn } from '../../../src/media/tools.ts';
import { cachedDirectory } from '../../helpers/cache.ts';
import { endProcess, freePort, output } from '../../helpers/child-process.ts';
import { root } from '../../helpers/cli.ts';
import { ofToday } from '../../helpers/suite.ts';
import { temporaryDirectory } from '../../helpers/temporary.ts';
import { dirtyDisks, passphrase } from '../dirty-disks.ts';
import { devicesOf, makeImages, startLab } from '../lab.ts';
import { labEmulation } from '../prepared.ts';
import { capture, plainly } from '../rebuild.ts';
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
      expect(await said(host, 'lsblk -dnro SERIAL,RO | grep "^[ABC] " | sort', signal)).toBe('A 1\nB 1\nC 1\n');
      // Neither by its name nor by a filesystem on it.
      const attempt =
        'disk=$(readlink -f /dev/disk/by-label/boot); ! dd if=/dev/zero of=$disk count=1 && ! mount $disk /mnt';
      await host.run(['bash', '-c', attempt], {}, signal);
      await using shell = await login({ key, hostPort, directory: work.path }, signal);
      await shell.seen(/ssh by SHA256:[^]*Number, or arrow keys, then Enter: /);
      // The menu by arrows, down to the third line.
      shell.type('\x1b[B\x1b[B\r');
      await shell.seen(/Passphrase of the encrypted volume/);
      shell.type(`${passphrase}\r`);
      await shell.seen(/The old system is at[^]*not there: \/gone[^]*Enter comes back/);
      shell.type('\r');
      await shell.seen(/3 {2}The old system: a shell in it/);
      const places = ['', '/boot', '/thin', '/var', '/data'];
      // Also what was written last, and is only in a journal.
      const files = places.map((place) => `cat /mnt/lifeboat${place}/file /mnt/lifeboat${place}/late5`).join('; ');
      expect(await said(host, files, signal)).toBe(
        'in /m\n5\nin /m/boot\n5\nin /m/thin\n5\nin /m/var\n5\nin /m/data/@d\n5\n',
      );
      const options = "findmnt -rno FSTYPE,OPTIONS -R /mnt/lifeboat | sed -En 's/^(ext4|xfs|btrfs) (r.).*/\\2/p'";
      expect(await said(host, options, signal)).toBe('ro\n'.repeat(5));
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
    await serial.waitFor(/~ # /, rescueLimitMs, signal);
    await serial.type('echo shell-$((40 + 2))\n', signal);
    await serial.waitFor(/shell-42/, rescueLimitMs, signal);
    // Of memory.
    await serial.type('echo megabytes-$(du -smx / | cut -f1)-\n', signal);
    const [, megabytes] = await serial.waitFor(/megabytes-(\d+)-/, rescueLimitMs, signal);
    expect(Number(megabytes)).toBeLessThan(40);
    await rescue.machine.addDisk({ file, format: 'raw', serial: 'GOOD', bus: 'scsi', readOnly: true }, signal);
    await serial.type('exit\n', signal);
    await rescue.menu(signal);
  },
  'a plan lets go of its own disk alone, and of none that has a switch of its own': async (signal) => {
    const disks = ['A', 'B', 'C'].map((serial) => ({ serial, bytes: 300 * 1024 ** 2 }));
    await using lab = await startLab({ release: 'debian13', disks: disks.slice(0, 1) }, signal);
    const { host, machine } = lab;
    const make =
      "printf 'label: gpt\\nsize=200M\\n' | sfdisk -q $A && udevadm settle && mkfs.ext4 -q ${A}1 && udevadm settle";
    await host.run(['bash', '-ec', make], { env: { A: lab.devices.get('A') ?? '' } }, signal);
    const wanted = await capture(host, signal);
    await machine.removeDisk('A', signal);
    await using work = await temporaryDirectory();
    for (const disk of await makeImages((await labEmulation(signal)).qemu, work.path, disks.slice(1), signal)) {
      await machine.addDisk(disk, signal);
    }
    const found = await devicesOf(host, ['B', 'C'], signal);
    const [b = '', c = ''] = [found.get('B'), found.get('C')];
    const hold = await readFile(join(root, 'rescue/root/usr/lib/lifeboat-rescue/read-only'));
    await host.write('/tmp/read-only', hold, { mode: 0o755 }, signal);
    const held = `export ACTION=add DEVTYPE=disk; for DEVNAME in ${b} ${c}; do
      export DEVNAME DEVPATH=/block/\${DEVNAME##*/}; /tmp/read-only; done; blockdev --getro ${b} ${c}`;
    expect(await said(host, held, signal)).toBe('1\n1\n');
    const now = await withoutHold(await capture(host, signal), host, signal);
    const request = { wanted, found: now, blank: await blankDisks(wanted, now, host, signal) };
    const plan = planLayout({ ...request, only: new Set(['disk:B']) });
    expect(await applyPlan(plan, { ...plainly, host }, signal)).toEqual([]);
    expect(await said(host, `blockdev --getro ${b} ${c}; ls /run/lifeboat/held`, signal)).toBe(
      `0\n1\n${basename(c)}\n`,
    );
    // The same without a note: a write-protected disk.
    const other = planLayout({ ...request, only: new Set(['disk:C']) });
    await host.run(['rm', `/run/lifeboat/held/${basename(c)}`], {}, signal);
    await expect(applyPlan(other, { ...plainly, host }, signal)).rejects.toMatchObject({
      code: 'refused',
      message: expect.stringContaining('read-only'),
    });
  },
  'a disk that is reached by two paths is one': async (signal) => {
    await using work = await temporaryDirectory();
    const [tree, file] = [join(work.path, 'tree'), join(work.path, 'disk')];
    await mkdir(join(tree, 'etc'), { recursive: true });
    await writeFile(join(tree, 'etc/fstab'), 'UUID=3c1d0a52-6a0f-4c7e-9d53-0f6b7a9e2c11 / ext4 defaults 0 1\n');
    const options = ['-q', '-t', 'ext4', '-U', '3c1d0a52-6a0f-4c7e-9d53-0f6b7a9e2c11', '-d', tree];
    await output('/usr/sbin/mke2fs', ...options, file, '64M');
    // Of two that write to one file QEMU would have none.
    const path = { file, format: 'raw', bus: 'scsi', wwn: '5000c500a1b2c3d4', readOnly: true } as const;
    const images = ['PATH1', 'PATH2'].map((serial) => ({ ...path, serial }));
    await using rescue = await startRescue((await rescueMedium()).file, { images }, signal);
    await rescue.menu(signal);
    await using host = await rescue.host(signal);
    expect(await said(host, 'lifeboat rescue mount', signal)).toMatch(/^ {2}\/ {2}ext4 {2}\//m);
    expect(
      await said(host, 'multipath -ll 2>&- | grep -c "active ready"; lsblk -rno TYPE | grep -c mpath', signal),
    ).toBe('2\n2\n');
    expect(await said(host, 'cat /mnt/lifeboat/etc/fstab', signal)).toMatch(/^UUID=3c1d0a52/);
    await said(host, 'lifeboat rescue umount', signal);
    expect(await said(host, 'findmnt /mnt/lifeboat || echo none', signal)).toBe('none\n');
  },
  'nothing on a medium opens anything, unless that was asked for': async (signal) => {
    await using work = await temporaryDirectory();
    const at = (name: string): string => join(work.path, name);
    await mkdir(at('secrets'), { mode: 0o700 });
    for (const name of ['key', 'id', 'secrets/repository', 'secrets/recovery-code']) {
      await writeFile(at(name), `canary-${name}-5d1e\n`, { mode: 0o600 });
    }
    const config = `repository: sftp://nas/backups
backup: { include: [/] }
key: ${at('key')}
ssh: { identityFile: ${at('id')} }
notify: { webhook: https://chat.example.org/canary-hook-5d1e }
`;
    await writeFile(at('lifeboat.yaml'), config);
    const make = async (name: string, ...options: string[]): Promise<readonly string[]> => {
      const place = ['--config', at('lifeboat.yaml'), '--state-dir', rescueState, '--json'];
      const build = ['rescue', 'build', '--output', at(name), '--kernel', 'debian', ...options];
      const { status, stdout, stderr } = spawnSync(
        process.execPath,
        [join(root, 'bin/lifeboat.js'), ...place, ...build],
        {
          encoding: 'utf8',
          env: { ...process.env, LIFEBOAT_ROOT_PASSWORD: 'canary-password-5d1e' },
        },
      );
      expect({ status, stderr }).toMatchObject({ status: 0 });
      return z.object({ medium: mediumSchema }).parse(JSON.parse(stdout)).medium.secrets;
    };
    expect(await make('plain')).toEqual([]);
    const plain = await mediumTree(at('plain'), at('plain-tree'), signal);
    expect(await holding(plain, 'canary-', signal)).toEqual([]);
    // The key by which its ssh server is known, and no other; and nowhere what a password is checked by.
    expect(await holding(plain, '^-----BEGIN .*PRIVATE KEY-----$', signal)).toEqual(['etc/ssh/ssh_host_ed25519_key']);
    expect(await holding(plain, '^root:[$]', signal)).toEqual([]);
    expect(await make('all', '--embed-credentials', '--root-password')).toHaveLength(2);
    const all = await mediumTree(at('all'), at('all-tree'), signal);
    expect(await holding(all, 'canary-', signal)).toEqual([
      'etc/lifeboat/key',
      'etc/lifeboat/secrets/repository',
      'etc/lifeboat/ssh-identity',
    ]);
    expect(await holding(all, '^root:[$]', signal)).toEqual(['etc/shadow']);
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

/** Both layers of the rescue system, one over the other as when it runs, and the first stage. */
async function mediumTree(iso: string, directory: string, signal: AbortSignal): Promise<string> {
  const cache = join(rescueState, 'rescue/cache');
  const kept = (await readdir(cache)).filter((name) => /^tools-[0-9a-f]+$/.test(name));
  await using host = localHost();
  const tools = toolsIn(host, join(cache, kept.at(-1) ?? ''));
  const parts = `${directory}.parts`;
  await tools.run('xorriso', ['-osirrox', 'on', '-indev', iso, '-extract', '/lifeboat', parts], {}, signal);
  for (const layer of ['base', 'host']) {
    const options = ['-quiet', '-no-progress', '-no-xattrs', '-force', '-dest', directory];
    await tools.run('unsquashfs', [...options, join(parts, `${layer}.squashfs`)], { timeoutMs: 900_000 }, signal);
  }
  return directory;
}

/** Files below a directory that have a line like this in them. */
async function holding(directory: string, pattern: string, signal: AbortSignal): Promise<readonly string[]> {
  await using host = localHost();
  const argv = [
    'grep',
    '--recursive',
    '--files-with-matches',
    '--text',
    '--extended-regexp',
    '-e',
    pattern,
    directory,
  ] as const;
  const { stdout } = await host.run(argv, { okCodes: [0, 1], timeoutMs: 900_000 }, signal);
  const files = stdout
    .toString()
    .split('\n')
    .filter((line) => line !== '');
  return files.map((file) => relative(directory, file)).sort();
}
