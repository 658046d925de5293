/** A server that was lost and comes back: from the rescue medium to the login of the recovered system, compared by the independent checker. */
import { expect } from 'vitest';
import { z } from 'zod';
import type { Host } from '../../src/host/host.ts';
import { localHost } from '../../src/host/local.ts';
import type { Usage } from '../../src/machine/meter.ts';
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
  /** What is expected to be otherwise, as {@link differences} takes it; of the facts each has to be. */
  readonly ignored?: Parameters<typeof differences>[2];
  /** What finishing has to have done. @default the boot sector by BIOS, which is in no backup of files; all other hardware is alike */
  readonly finalized?: unknown;
}

/** What is otherwise in every recovered machine: systemd makes the place anew at which the disk with the repository is mounted. */
const remade = /^file \/srv$/;

/** @returns what it took from switching the machine on until the recovered system had started */
export async function recoverWhole(
  source: Protected,
  { words = [], ignored, finalized, ...options }: Whole,
  signal: AbortSignal,
): Promise<Usage> {
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

/** A medium that recovers by itself what is lost, onto blank disks, and starts it. */
export const unattended = {
  words: ['lifeboat.recover'],
  settings: { recover: { consent: 'blank-disks', after: 'reboot' } },
  embedCredentials: true,
} as const;

/** With nobody there: the machine is switched on, and its medium does the rest. @returns as {@link recoverWhole} */
export async function recoverUnattended(
  source: Protected,
  { ignored, ...options }: Omit<Whole, 'words' | 'finalized'>,
  signal: AbortSignal,
): Promise<Usage> {
  const { file: medium } = await mediumOf(source, unattended, signal);
  await using machine = await startRecovery(source, { disks: blankFor(source), ...options, medium }, signal);
  return await comesBack(source, machine, ignored, signal);
}

/**
 * Waits until the recovered system has started, and compares it; it is shut down then.
 *
 * @returns what it took since the machine was switched on
 */
export async function comesBack(
  source: Protected,
  machine: RecoveryMachine,
  ignored: Whole['ignored'],
  signal: AbortSignal,
): Promise<Usage> {
  await using host = await machine.recovered(signal);
  const usage = machine.machine.usage();
  console.log(await stepsOf(host, signal));
  const facts = await factsOfSystem(host, 'REPO', signal);
  const files = await filesOfSource({ machine: machine.machine, host, images: machine.disks }, source.kind, signal);
  const found = differences(source.before, { facts, files }, ignored).filter(({ what }) => !remade.test(what));
  expect(found).toEqual([]);
  for (const name of ignored?.facts ?? []) expect(facts[name], name).not.toBe(source.before.facts[name]);
  const { qemu } = await labEmulation(signal);
  for (const { file } of machine.others) {
    // An overlay to which nothing was written.
    expect((await imagesOf(qemu, localHost()).info(file, signal)).bytesUsed).toBeLessThan(512 * 1024);
  }
  return usage;
}

const endSchema = z.object({ type: z.literal('end'), step: z.string(), ms: z.number() });

/** What each step of the recovery took, by the journal that it left. */
async function stepsOf(host: Host, signal: AbortSignal): Promise<string> {
  const read = 'cat /var/log/lifeboat/rescue-*/runs/*/journal*';
  const { stdout } = await host.run(['sh', '-c', read], { okCodes: [0, 1] }, signal);
  const steps = stdout
    .toString()
    .split('\n')
    .flatMap((line) => {
      const { data } = endSchema.safeParse(JSON.parse(line || 'null'));
      return data === undefined ? [] : `${data.step} ${(data.ms / 1_000).toFixed(1)} s`;
    });
  return `recovery: ${steps.join(', ')}`;
}
