/** A server that was lost and comes back: from the rescue medium to the login of the recovered system, compared by the independent checker. */
import { expect } from 'vitest';
import { localHost } from '../../src/host/local.ts';
import { imagesOf } from '../../src/qemu/image.ts';
import { labEmulation } from './prepared.ts';
import {
  mediumOf,
  recoverBy,
  type RecoveryMachine,
  type RecoveryOptions,
  settledRescue,
  startRecovery,
} from './recovery.ts';
import { filesOfSource, type Protected } from './source/protect.ts';
import { differences, factsOfSystem } from './source/witness.ts';

const GIB = 1024 ** 3;

/** Blank disks like those that were lost, with other serial numbers. */
export const blankFor = ({ disks }: Protected, gibibytes = 4) =>
  disks.map(({ serial }) => ({ serial: `NEW-${serial}`, bytes: gibibytes * GIB }));

export interface Whole extends Partial<Omit<RecoveryOptions, 'medium'>> {
  readonly words?: readonly string[];
  /** What is expected to be otherwise, as {@link differences} takes it. */
  readonly ignored?: Parameters<typeof differences>[2];
  /** What finishing has to have done. @default the boot sector by BIOS, which is in no backup of files; all other hardware is alike */
  readonly finalized?: unknown;
}

/** What is otherwise in every recovered machine: systemd makes the place anew at which the disk with the repository is mounted. */
const remade = /^file \/srv$/;

/** @returns how long it took from switching the machine on until the recovered system had started, in seconds */
export async function recoverWhole(
  source: Protected,
  { words = [], ignored, finalized, ...options }: Whole,
  signal: AbortSignal,
): Promise<number> {
  const firmware = options.firmware ?? source.kind.firmware;
  const usual = firmware === 'bios' ? source.disks.map(() => expect.stringContaining('boot sector')) : [];
  const { file: medium } = await mediumOf(source, {}, signal);
  await using machine = await startRecovery(source, { disks: blankFor(source), ...options, medium }, signal);
  {
    await using rescue = await machine.rescue(signal);
    await settledRescue(rescue, signal);
    const { code, stdout, stderr, document } = await recoverBy(rescue, source, words, signal);
    expect({ code, stdout, stderr }).toMatchObject({ code: 0 });
    expect(document).toMatchObject({ point: source.point, result: 'passed', finalized: finalized ?? usual });
    await rescue.run(['reboot'], { okCodes: [0, 1] }, signal).catch(() => undefined);
  }
  return await comesBack(source, machine, ignored, signal);
}

/**
 * Waits until the recovered system has started, and compares it; it is shut down then.
 *
 * @returns how long it took since the machine was switched on, in seconds
 */
export async function comesBack(
  source: Protected,
  machine: RecoveryMachine,
  ignored: Whole['ignored'],
  signal: AbortSignal,
): Promise<number> {
  await using host = await machine.recovered(signal);
  const seconds = (performance.now() - machine.since) / 1_000;
  const facts = await factsOfSystem(host, 'REPO', signal);
  const files = await filesOfSource({ machine: machine.machine, host, images: machine.disks }, source.kind, signal);
  const found = differences(source.before, { facts, files }, ignored).filter(({ what }) => !remade.test(what));
  expect(found).toEqual([]);
  const { qemu } = await labEmulation(signal);
  for (const { file } of machine.others) {
    // An overlay to which nothing was written.
    expect((await imagesOf(qemu, localHost()).info(file, signal)).bytesUsed).toBeLessThan(512 * 1024);
  }
  return seconds;
}
