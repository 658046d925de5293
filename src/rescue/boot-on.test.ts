import { expect, test } from 'vitest';
import { LifeboatError } from '../kernel/errors.ts';
import type { Host } from '../host/host.ts';
import { bootOn } from './boot-on.ts';

const { signal } = new AbortController();
const own = '0b0f1a4e-0002-4000-8000-000000000a02';
const entry = (number: string, partUuid: string, star = '*'): string =>
  `Boot${number}${star} debian\tHD(1,GPT,${partUuid},0x800,0x32000)/\\EFI\\debian\\shimx64.efi\n`;
const stick = entry('0001', '0b0f1a4e-0009-4000-8000-000000000a02');

/** A machine whose firmware says this; what it was told to do. */
async function told(said: string | undefined) {
  const ran: string[] = [];
  const run: Host['run'] = async (argv) => {
    if (said === undefined) throw new LifeboatError('command-failed', 'EFI variables are not supported');
    if (argv[1] !== '-v') ran.push(argv.join(' '));
    return { code: 0, stdout: Buffer.from(argv[1] === '-v' ? said : ''), stderr: '' };
  };
  const unused = () => {
    throw new Error('not asked for');
  };
  const host = { name: 'made', run, stream: unused, read: unused, write: unused, [Symbol.asyncDispose]: unused };
  return { isSet: await bootOn([{ partUuid: own.toUpperCase() }, {}], host, signal), ran };
}

test('the next start is that of the machine itself, though the medium comes first', async () => {
  const { isSet, ran } = await told(`BootOrder: 0001,0003,0002\n${stick}${entry('0002', own)}${entry('0003', own)}`);
  expect(isSet).toBe(true);
  expect(ran.at(-1)).toBe('efibootmgr --quiet --bootnext 0003');
});

test('an entry that is in no order is found; one that is switched off is none', async () => {
  expect((await told(`BootOrder: 0001\n${stick}${entry('0002', own)}`)).ran.at(-1)).toContain('--bootnext 0002');
  expect(await told(`BootOrder: 0001,0002\n${stick}${entry('0002', own, ' ')}`)).toEqual({ isSet: false, ran: [] });
});

test('by BIOS nobody can say so', async () => {
  expect(await told(undefined)).toEqual({ isSet: false, ran: [] });
});
