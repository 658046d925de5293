/**
 * LUKS headers that a backup kept: after the device was overwritten and made anew, the header comes out of the point, every slot opens, the
 * tokens are the same, and what was in the volume is there. Nothing that was written holds the area of a slot in plain.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loadConfig } from '../../../src/config/load.ts';
import type { Host } from '../../../src/host/host.ts';
import { noSecrets } from '../../../src/kernel/secret.ts';
import { typedState } from '../../../src/steps/define.ts';
import { noSettings } from '../../../src/workflow/units.ts';
import { startRun } from '../../../src/workflow/runs.ts';
import { backup } from '../../../workflows/backup.ts';
import { type KeyedSandbox, keyedSandbox } from '../../helpers/keyed.ts';
import { type Lab, startLab } from '../lab.ts';
import { makeStack, readStack, type Stack } from '../stack.ts';
import { startTpmLab } from '../tpm.ts';
import { ofToday } from '../../helpers/suite.ts';
import { type Release, releases } from '../builder.ts';

const { signal } = new AbortController();

/** What opens a volume of one of the stacks, by its slot. */
interface Volume {
  /** Where its header is, as the script sees it; `$A` is a disk. */
  readonly header: string;
  readonly data: string;
  readonly name: string;
  readonly mount?: string;
  readonly keys: Readonly<Record<number, string>>;
}

const volumes: Readonly<Record<string, readonly Volume[]>> = {
  luks1: [
    { header: '${A}1', data: '${A}1', name: 'old', mount: '/mnt/old', keys: { 2: 'secret', 6: 'other' } },
    { header: '$B', data: '$B', name: 'closed', keys: { 0: 'other' } },
  ],
  luks2: [{ header: '${A}1', data: '${A}1', name: 'vault', keys: { 0: 'secret', 1: 'other', 5: 'third' } }],
  'luks2-detached': [
    { header: '/etc/headers/data.img', data: '${A}1', name: 'data', keys: { 0: 'secret' } },
    { header: '/etc/headers/closed.img', data: '$B', name: 'closed', keys: { 0: 'secret' } },
    { header: '$D', data: '$C', name: 'apart', keys: { 0: 'secret' } },
  ],
};

const scenes = ofToday(
  releases.flatMap((release) => Object.keys(volumes).map((name) => ({ release, name, stack: readStack(name) }))),
  new Date(),
);

test.each(scenes)('$name $release', { timeout: 900_000 }, async ({ release, name, stack }) => {
  await using box = await keyedSandbox('--include', '/etc');
  await using lab = await madeStack(release, stack);
  const sh = shell(lab);
  const known = volumes[name] ?? [];
  const before = new Map<Volume, Before>();
  for (const volume of known) {
    const { header, data, name: opened, mount } = volume;
    if (mount !== undefined) await sh(`umount ${mount}`);
    const [key] = Object.values(volume.keys);
    const open = `printf %s ${key} | cryptsetup open --key-file - --header "${header}" "${data}" ${opened}`;
    if (opened === 'closed') await sh(open);
    const dump = await sh(`cryptsetup luksDump "${header}"`);
    const content = await sh(`dd if=/dev/mapper/${opened} bs=1M count=4 status=none | sha256sum`);
    if (opened === 'closed') await sh(`cryptsetup close ${opened}`);
    before.set(volume, { dump, content });
  }
  const point = await backedUp(box, lab.host);

  const shown = (await box.ask('points', 'show', point)).json;
  const uuids = [...before.values()].map(({ dump }) => /^UUID:\s+(\S+)$/m.exec(dump)?.[1] ?? '');
  expect(shown['escrow']).toMatchObject({ volumes: expect.arrayContaining(uuids), missing: [] });
  expect((await box.run('points', 'show', point)).stdout).toContain(`kept: ${uuids[0]}`);
  for (const { header } of known) await expectSealed(box, await slotArea(lab.host, sh, header));

  for (const [index, [volume, { dump, content }]] of [...before].entries()) {
    const { header, data, name: opened, keys } = volume;
    const file = join(box.base, `header-${index}`);
    const written = await box.ask('points', 'header', point, uuids[index] ?? '', '--to', file);
    expect(written).toMatchObject({ code: 0, json: { uuid: uuids[index], point } });
    if (opened !== 'closed') await sh(`cryptsetup close ${opened}`);
    // One of them is put where there is none at all.
    await overwritten(sh, volume, dump, opened !== 'closed');
    await lab.host.run(['dd', 'of=/run/header', 'status=none'], { stdin: readFileSync(file) }, signal);
    await sh(`cryptsetup luksHeaderRestore --batch-mode --header-backup-file /run/header "${header}"`);
    expect(await sh(`cryptsetup luksDump "${header}"`)).toBe(dump);
    for (const [slot, key] of Object.entries(keys)) {
      await sh(
        `printf %s ${key} | cryptsetup open --key-slot ${slot} --key-file - --header "${header}" "${data}" ${opened}`,
      );
      expect(await sh(`dd if=/dev/mapper/${opened} bs=1M count=4 status=none | sha256sum`)).toBe(content);
      await sh(`cryptsetup close ${opened}`);
    }
  }
});

/** What systemd writes for a security key (`src/shared/cryptsetup-fido2.c`): no device of that kind can be emulated here. */
const fido2 = JSON.stringify({
  type: 'systemd-fido2',
  keyslots: ['2'],
  'fido2-credential': 'c29tZSBjcmVkZW50aWFsIGlk',
  'fido2-salt': 'bm90IGEgc2FsdCBvZiBhbnlib2R5',
  'fido2-rp': 'io.systemd.cryptsetup',
  'fido2-clientPin-required': true,
  'fido2-up-required': true,
  'fido2-uv-required': false,
});

const sealers = ofToday(['debian12', 'debian13'] as const, new Date());

test.each(sealers)('a passphrase, a key file and a TPM, %s', { timeout: 900_000 }, async (release) => {
  await using box = await keyedSandbox('--include', '/etc');
  await using lab = await startTpmLab({ release, disks: [{ serial: 'A', bytes: 64 * 1024 * 1024 }] }, signal);
  const sh = shell(lab);
  await sh(`head -c 4096 /dev/urandom > /run/key.file
    ask="--batch-mode --pbkdf argon2id --pbkdf-force-iterations 4 --pbkdf-memory 32768 --pbkdf-parallel 1"
    printf passphrase | cryptsetup luksFormat $ask --key-file - "$A"
    printf passphrase | cryptsetup luksAddKey --batch-mode --pbkdf pbkdf2 --pbkdf-force-iterations 1000 --key-file - "$A" /run/key.file
    printf third > /run/third
    printf passphrase | cryptsetup luksAddKey $ask --key-file - "$A" /run/third
    printf '%s' '${fido2}' | cryptsetup token import --json-file - "$A"
    # As "clevis luks bind" does it, which wants a dictionary for the passphrase that nobody sees.
    [ -e /dev/fd ] || ln -s /proc/self/fd /dev/fd
    head -c 24 /dev/urandom | base64 -w0 > /run/sealed
    clevis encrypt tpm2 '{"pcr_bank":"sha256","pcr_ids":"7"}' < /run/sealed > /run/jwe
    printf passphrase | cryptsetup luksAddKey $ask --key-slot 3 --key-file - "$A" /run/sealed
    printf '{"type":"clevis","keyslots":["3"],"jwe":%s}' "$(jose jwe fmt --input=/run/jwe)" |
      cryptsetup token import --json-file - "$A"
    rm /run/sealed /run/jwe
    PASSWORD=passphrase systemd-cryptenroll --tpm2-device=auto --tpm2-pcrs=7 "$A"
    cryptsetup open --token-only --token-type systemd-tpm2 "$A" sealed
    echo content of it | dd of=/dev/mapper/sealed conv=fsync status=none`);
  const tokens = 'for one in 0 1 2; do cryptsetup token export --token-id $one "$A"; echo; done';
  const [dump, sealed] = [await sh('cryptsetup luksDump "$A"'), await sh(tokens)];
  const uuid = (await sh('cryptsetup luksUUID "$A"')).trim();
  expect(JSON.parse(sealed.split('\n').find((line) => line.includes('tpm2')) ?? '')).toMatchObject({
    type: 'systemd-tpm2',
  });

  const point = await backedUp(box, lab.host);
  const shown = JSON.stringify((await box.ask('points', 'show', point)).json);
  expect(shown).toContain('"tpm2-pcrs":[7]');
  expect(shown).toContain('"fido2-rp":"io.systemd.cryptsetup"');
  expect(shown).toContain('"jwe":{"pin":"tpm2","tpm2":{"pcr_bank":"sha256","pcr_ids":"7"}}');
  const blob = /"tpm2-blob":"([^"]+)"/.exec(sealed)?.[1];
  const jwe = /"ciphertext":"([^"]+)"/.exec(sealed)?.[1];
  for (const secret of [blob, jwe, 'bm90IGEgc2FsdCBvZiBhbnlib2R5']) expect(shown).not.toContain(secret);
  await expectSealed(box, await slotArea(lab.host, sh, '$A'));

  const file = join(box.base, 'header');
  expect((await box.run('points', 'header', point, uuid, '--to', file)).code).toBe(0);
  await sh('cryptsetup close sealed');
  await overwritten(sh, { header: '$A', data: '$A', name: 'sealed', keys: {} }, dump, true);
  await expect(sh('printf passphrase | cryptsetup open --test-passphrase --key-file - "$A"')).rejects.toThrow();
  await lab.host.run(['dd', 'of=/run/header', 'status=none'], { stdin: readFileSync(file) }, signal);
  await sh('cryptsetup luksHeaderRestore --batch-mode --header-backup-file /run/header "$A"');
  expect(await sh('cryptsetup luksDump "$A"')).toBe(dump);
  expect(await sh(tokens)).toBe(sealed);
  for (const how of [
    'printf passphrase | cryptsetup open --key-slot 0 --key-file - "$A" again',
    'cryptsetup open --key-slot 1 --key-file /run/key.file "$A" again',
    'cryptsetup open --token-only --token-type systemd-tpm2 "$A" again',
    'clevis luks unlock -d "$A" -n again',
    'PATH=/usr/lib/systemd:$PATH; systemd-cryptsetup attach again "$A" - tpm2-device=auto,headless=1',
  ]) {
    await sh(how);
    expect(await sh('head -c 14 /dev/mapper/again')).toBe('content of it\n');
    await sh('cryptsetup close again');
  }
});

interface Before {
  readonly dump: string;
  /** A digest of the beginning of what is in it. */
  readonly content: string;
}

async function madeStack(release: Release, stack: Stack): Promise<Lab> {
  const lab = await startLab({ release, disks: stack.disks }, signal);
  await makeStack(stack, lab, signal);
  return lab;
}

function shell({ host, devices }: Lab): (script: string) => Promise<string> {
  const env = Object.fromEntries([...devices].filter(([serial]) => serial !== ''));
  return async (script) => {
    const stdin = Buffer.from(`set -eu\n${script}\n`);
    return (await host.run(['bash', '-s'], { stdin, env, timeoutMs: 300_000 }, signal)).stdout.toString();
  };
}

/** A backup of the machine by the very workflow, as the command runs it on its own host. */
async function backedUp(box: KeyedSandbox, host: Host): Promise<string> {
  const log: string[] = [];
  const context = {
    stateDir: box.state,
    host,
    secrets: noSecrets,
    settings: noSettings,
    openEvents: async () => ({
      emit: (event: object) => void log.push(JSON.stringify(event)),
      [Symbol.asyncDispose]: async () => undefined,
    }),
    ask: async () => {
      throw new Error('nobody is asked');
    },
    version: '1',
    now: () => new Date(),
  };
  const config = await loadConfig(box.config);
  const whole = { ...config, backup: { ...config.backup, include: ['/etc'] } };
  const inputs = { config: JSON.parse(JSON.stringify(whole)), ownPaths: [], stateDir: box.state, version: '1' };
  const { error, state } = await startRun(backup, inputs, context, signal);
  if (error !== undefined) throw new Error(`the backup failed:\n${log.slice(-20).join('\n')}`, { cause: error });
  logs.set(box, log.join('\n'));
  return typedState(state).pointId ?? '';
}

/** What each backup has said. */
const logs = new WeakMap<KeyedSandbox, string>();

/** The first area that holds a key, as `luksDump` tells where it is. */
async function slotArea(host: Host, sh: (script: string) => Promise<string>, header: string): Promise<Buffer> {
  const dump = await sh(`cryptsetup luksDump "${header}"`);
  const second = /Area offset:\s*(\d+)/.exec(dump)?.[1];
  const first = /ENABLED[^]*?Key material offset:\s*(\d+)/.exec(dump)?.[1];
  const offset = second === undefined ? Number(first) * 512 : Number(second);
  const path = (await sh(`echo "${header}"`)).trim();
  const argv = ['dd', `if=${path}`, 'bs=512', `skip=${offset / 512}`, 'count=128', 'status=none'] as const;
  const area = (await host.run(argv, {}, signal)).stdout;
  expect(new Set(area).size).toBe(256);
  return area;
}

/** In no file of repository and state, nor in what was said, is a piece of it: neither as it is nor as text. */
async function expectSealed(box: KeyedSandbox, area: Buffer): Promise<void> {
  const files = [box.state, box.repository].flatMap((folder) =>
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name)),
  );
  expect(files.filter((file) => file.includes('/escrow/'))).toHaveLength(1);
  expect(files.filter((file) => file.endsWith('journal') || file.includes('journal'))).not.toEqual([]);
  const contents = [...files.map((file) => readFileSync(file)), Buffer.from(logs.get(box) ?? '')];
  for (const at of [0, 4096, 32_768]) {
    const piece = area.subarray(at, at + 48);
    const texts = [0, 1, 2].map((shift) => piece.subarray(shift, shift + 42).toString('base64'));
    for (const form of [piece.subarray(0, 24), ...texts, piece.toString('hex')])
      for (const content of contents) expect(content.includes(form)).toBe(false);
  }
}

/** Whoever makes the volume anew has its size and where its data begins out of the layout, and another key. */
async function overwritten(
  sh: (script: string) => Promise<string>,
  volume: Volume,
  dump: string,
  anew: boolean,
): Promise<void> {
  const { header, data } = volume;
  const version = /^Version:\s+1$/m.test(dump) ? 1 : 2;
  const apart = header === data ? '' : `--header "${header}"`;
  const bytes = version === 1 ? Number(/Payload offset:\s*(\d+)/.exec(dump)?.[1]) * 512 : 16 * 1024 * 1024;
  await sh(`dd if=/dev/urandom of="${header}" bs=64K count=${bytes / 65_536} conv=notrunc,fsync status=none
    ! cryptsetup isLuks "${header}"`);
  if (!anew) return;
  const sectors = /offset: (\d+) \[bytes\]/.exec(dump)?.[1];
  const offset = version === 1 ? bytes / 512 : Number(sectors) / 512;
  const size = /(?:MK bits:|Key:)\s+(\d+)/.exec(dump)?.[1];
  await sh(`printf new | cryptsetup luksFormat --batch-mode --type luks${version} --pbkdf pbkdf2 --pbkdf-force-iterations 1000 \
    --key-size ${size} --offset ${offset} ${apart} --key-file - "${data}"`);
}
