/**
 * Stacks of LUKS and of encryption without a header: what was captured is what `cryptsetup luksDump` and the kernel say. The witness
 * reads their output by itself.
 */
import { expect, test } from 'vitest';
import { asker } from '../../../src/host/asker.ts';
import type { Host } from '../../../src/host/host.ts';
import { captureLayout } from '../../../src/layout/capture.ts';
import { copyHeaders } from '../../../src/layout/luks-copy.ts';
import { type ComponentOf, parseLayout } from '../../../src/layout/types.ts';
import { type Lab, startLab } from '../lab.ts';
import { makeStack, readStack, scenes } from '../stack.ts';

const { signal } = new AbortController();
const now = new Date('2026-11-21T12:00:00Z');

type Luks = ComponentOf<'luks'>;

test.each(scenes('luks'))('$stack.name $release', { timeout: 900_000 }, async ({ release, stack }) => {
  await using lab = await startLab({ release, disks: stack.disks }, signal);
  await makeStack(stack, lab, signal);
  const captured = await luksOf(lab);
  const witness = await witnessOf(lab.host);
  expect(captured.map(({ uuid = '' }) => uuid).sort()).toEqual([...witness.keys()].sort());
  for (const one of captured) expect(said(one)).toEqual(witness.get(one.uuid ?? ''));
});

test('a damaged first header: the second is read, and the gap tells', { timeout: 900_000 }, async () => {
  const stack = readStack('luks2');
  await using lab = await startLab({ release: 'debian12', disks: stack.disks }, signal);
  await makeStack(stack, lab, signal);
  const before = await luksOf(lab);
  const device = `${lab.devices.get('A')}1`;
  const zero = async (seek: number) => {
    const argv = [
      'dd',
      'if=/dev/zero',
      `of=${device}`,
      'bs=4096',
      `seek=${seek}`,
      'count=1',
      'conv=fsync,notrunc',
    ] as const;
    await lab.host.run(argv, {}, signal);
    return await captureLayout(lab.host, now, signal);
  };
  const half = await zero(0);
  expect(half.components.filter((one) => one.kind === 'luks')).toEqual(before);
  expect(half.gaps).toContainEqual(
    expect.objectContaining({ subject: device, problem: expect.stringContaining('first') }),
  );
  const none = await zero(4);
  expect(none.gaps).not.toEqual([]);
  expect(none.components.filter((one) => one.kind === 'luks')).toMatchObject([{ id: before[0]?.id, open: true }]);
  // What stands on it is seen as before.
  expect(none.components.map(({ id }) => id)).toEqual(half.components.map(({ id }) => id));
});

test.each(scenes('crypt'))('$stack.name $release', { timeout: 900_000 }, async ({ release, stack }) => {
  await using lab = await startLab({ release, disks: stack.disks }, signal);
  await makeStack(stack, lab, signal);
  const layout = parseLayout(await captureLayout(lab.host, now, signal));
  expect(layout.gaps).toEqual([]);
  expect(JSON.stringify(layout)).not.toContain('0123456789abcdef');
  const captured = layout.components.filter((one) => one.kind === 'crypt');
  const lines = (await output(lab.host, 'cat', '/etc/crypttab')).trim().split('\n');
  expect(captured.map(({ name }) => name).sort()).toEqual(lines.map((line) => line.replace(/ .*/, '')).sort());
  for (const { name, open, device, geometry } of captured) {
    const { stdout } = await lab.host.run(['cryptsetup', 'status', name], { okCodes: [0, 4] }, signal);
    const text = stdout.toString();
    expect(open).toBe(/ is active/.test(text));
    if (!open) continue;
    expect(device).toBe(`/dev/mapper/${name}`);
    expect(geometry).toEqual({
      cipher: field(text, 'cipher'),
      keyBytes: Number.parseInt(field(text, 'keysize') ?? '', 10) / 8,
      sectorSize: Number.parseInt(field(text, 'sector size') ?? '', 10),
      offsetBytes: Number.parseInt(field(text, 'offset') ?? '', 10) * 512,
      ivOffset: Number.parseInt(field(text, 'skipped') ?? '0', 10),
      flags: field(text, 'flags') === undefined ? [] : ['allow_discards'],
    });
  }
});

test.each(scenes('reencrypt'))('$stack.name $release', { timeout: 900_000 }, async ({ release, stack }) => {
  await using lab = await startLab({ release, disks: stack.disks }, signal);
  await makeStack(stack, lab, signal);
  const layout = parseLayout(await captureLayout(lab.host, now, signal));
  expect(layout.gaps).toEqual([]);
  const [captured, ...others] = layout.components.filter((one) => one.kind === 'luks');
  expect(others).toEqual([]);
  // As it will be: what `luksDump` shows is how it is now.
  expect(captured).toMatchObject({ open: true, name: 'anew', geometry: { cipher: 'aes-xts-plain64', keyBytes: 64 } });
  const text = await dump(lab.host, lab.devices.get('A') ?? '');
  expect(captured?.geometry?.requirements).toEqual(field(text, 'Requirements')?.split(/\s+/));
  const slots =
    text
      .split('\nTokens:')[0]
      ?.split(/^ {2}(?=\d+: (?:luks2|reencrypt))/m)
      .slice(1) ?? [];
  expect(
    captured?.geometry?.slots.map(({ number, type = 'luks2', offsetBytes }) => [number, type, offsetBytes]),
  ).toEqual(
    slots.map((slot) => [
      Number(slot[0]),
      /^\d+: (\w+)/.exec(slot)?.[1],
      Number.parseInt(field(slot, 'Area offset') ?? '', 10),
    ]),
  );
  expect(captured?.geometry?.slots.filter(({ unbound }) => unbound).map(({ number }) => number)).toEqual([7]);
  // What stands on it is seen as ever; its header of this moment would be wrong in the next.
  expect(layout.components.find(({ kind }) => kind === 'ext')?.on).toEqual([captured?.id]);
  const asking = asker(lab.host, signal);
  expect(await copyHeaders(layout, asking, 1024 * 1024)).toEqual([]);
  expect(asking.gaps).toMatchObject([{ subject: captured?.id, problem: expect.stringContaining('encrypted anew') }]);
});

async function luksOf({ host }: Lab): Promise<Luks[]> {
  const layout = parseLayout(await captureLayout(host, now, signal));
  expect(layout.gaps).toEqual([]);
  const salts = await secretsOf(host);
  const text = JSON.stringify(layout);
  for (const salt of salts) expect(text).not.toContain(salt);
  return layout.components.filter((one) => one.kind === 'luks');
}

/** What must be in no document: as `luksDump` prints it in hexadecimal, and as tokens hold it. */
async function secretsOf(host: Host): Promise<string[]> {
  const all = await Promise.all((await headersOf(host)).map((path) => dump(host, path)));
  const hex = all.flatMap((text) =>
    [...text.matchAll(/(?:Salt|Digest|MK digest|MK salt):\s+((?:[\da-f]{2} ){8})/g)].map(([, bytes = '']) =>
      Buffer.from(bytes.replaceAll(' ', ''), 'hex'),
    ),
  );
  expect(hex.length).toBeGreaterThan(1);
  return [...hex.map((bytes) => bytes.toString('base64').slice(0, 8)), 'AJ4AIB1zZWFsZWQ', 'c2VhbGVk', 'secret'];
}

/** Devices and files that hold a header. */
async function headersOf(host: Host): Promise<string[]> {
  const list = 'blkid -t TYPE=crypto_LUKS -o device; ls /etc/headers/*.img 2>/dev/null; true';
  return (await output(host, 'bash', '-c', list)).split('\n').filter((line) => line !== '');
}

async function output(host: Host, program: string, ...args: string[]): Promise<string> {
  return (await host.run([program, ...args], {}, signal)).stdout.toString();
}

const dump = async (host: Host, path: string): Promise<string> => await output(host, 'cryptsetup', 'luksDump', path);

/** By UUID. */
async function witnessOf(host: Host): Promise<Map<string, object>> {
  const mappings = await output(host, 'dmsetup', 'info', '-c', '--noheadings', '--separator', ' ', '-o', 'uuid,name');
  const found = new Map<string, object>();
  for (const path of await headersOf(host)) {
    const text = await dump(host, path);
    const [, uuid = ''] = /^UUID:\s+(\S+)$/m.exec(text) ?? [];
    const plain = uuid.replaceAll('-', '');
    const [, name] = new RegExp(`^CRYPT-LUKS\\d-${plain}-\\S+ (\\S+)$`, 'm').exec(mappings) ?? [];
    const version = /^Version:\s+1$/m.test(text) ? witness1(text) : witness2(text);
    found.set(uuid, { uuid, name, ...version });
  }
  return found;
}

const field = (text: string, name: string): string | undefined =>
  new RegExp(`^\\s*${name}:\\s*(.+?)\\s*$`, 'm').exec(text)?.[1];

function witness1(text: string) {
  const parts = text.split(/^Key Slot (?=\d)/m).slice(1);
  return {
    version: 1,
    label: undefined,
    subsystem: undefined,
    cipher: `${field(text, 'Cipher name')}-${field(text, 'Cipher mode')}`,
    keyBits: Number(field(text, 'MK bits')),
    hash: field(text, 'Hash spec'),
    offset: Number(field(text, 'Payload offset')) * 512,
    sector: 512,
    integrity: undefined,
    flags: [],
    slots: parts
      .filter((part) => /^\d: ENABLED/.test(part))
      .map((part) => ({
        number: Number(part[0]),
        priority: 'normal',
        pbkdf: ['pbkdf2', field(text, 'Hash spec'), field(part, 'Iterations')].join(' '),
        stripes: Number(field(part, 'AF stripes')),
        offset: Number(field(part, 'Key material offset')) * 512,
        length: undefined,
      })),
    tokens: [],
  };
}

function witness2(text: string) {
  const section = (name: string): string =>
    new RegExp(`^${name}:\\n((?:[ \\t].*\\n)*)`, 'm').exec(text)?.[1]?.concat('\n') ?? '';
  const entries = (name: string): string[] =>
    section(name)
      .split(/^ {2}(?=\d)/m)
      .slice(1);
  const [segment = ''] = entries('Data segments');
  const [digest = ''] = entries('Digests');
  const optional = (name: string): string | undefined => {
    const value = field(text, name);
    return value?.startsWith('(no ') === true ? undefined : value;
  };
  const slots = entries('Keyslots');
  return {
    version: 2,
    label: optional('Label'),
    subsystem: optional('Subsystem'),
    cipher: field(segment, 'cipher'),
    keyBits: Number.parseInt(field(slots[0] ?? '', 'Key') ?? '', 10),
    hash: field(digest, 'Hash'),
    offset: Number.parseInt(field(segment, 'offset') ?? '', 10),
    sector: Number.parseInt(field(segment, 'sector') ?? '', 10),
    integrity: field(segment, 'integrity'),
    flags: optional('Flags')?.split(/\s+/) ?? [],
    slots: slots.map((slot) => ({
      number: Number(slot[0]),
      priority: field(slot, 'Priority'),
      pbkdf: [
        field(slot, 'PBKDF'),
        ...(field(slot, 'PBKDF') === 'pbkdf2'
          ? [field(slot, 'Hash'), field(slot, 'Iterations')]
          : [field(slot, 'Time cost'), field(slot, 'Memory'), field(slot, 'Threads')]),
      ].join(' '),
      stripes: Number(field(slot, 'AF stripes')),
      offset: Number.parseInt(field(slot, 'Area offset') ?? '', 10),
      length: Number.parseInt(field(slot, 'Area length') ?? '', 10),
    })),
    tokens: entries('Tokens').map((token) => `${/^\d+: (\S+)/.exec(token)?.[1]} ${field(token, 'Keyslots?')}`),
  };
}

/** The same, from what was captured. */
function said({ uuid, name, label, subsystem, geometry }: Luks): object {
  expect(geometry).toBeDefined();
  const priorities = { ignore: 'ignored', prefer: 'preferred' };
  return {
    uuid,
    name,
    version: geometry?.version,
    label,
    subsystem,
    cipher: geometry?.cipher,
    keyBits: (geometry?.keyBytes ?? 0) * 8,
    hash: geometry?.hash,
    offset: geometry?.offsetBytes,
    sector: geometry?.sectorSize,
    integrity: geometry?.integrity?.type,
    flags: geometry?.flags,
    slots: geometry?.slots.map(({ number, priority, pbkdf, stripes, offsetBytes, lengthBytes }) => ({
      number,
      priority: priority === undefined ? 'normal' : priorities[priority],
      pbkdf: [pbkdf?.type, pbkdf?.hash, pbkdf?.iterations, pbkdf?.time, pbkdf?.memoryKiB, pbkdf?.threads]
        .filter((part) => part !== undefined)
        .join(' '),
      stripes,
      offset: offsetBytes,
      length: lengthBytes,
    })),
    tokens: geometry?.tokens.map(({ type, slots }) => `${type} ${slots.join(' ')}`),
  };
}
