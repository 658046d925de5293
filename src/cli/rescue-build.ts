/** Making a rescue medium: what goes in of this host, and what is told of the result. */
import { existsSync } from 'node:fs';
import { release } from 'node:os';
import { join, resolve } from 'node:path';
import { captureFacts } from '../facts/capture.ts';
import { writeFileAtomic } from '../kernel/atomic-write.ts';
import { LifeboatError } from '../kernel/errors.ts';
import { present } from '../kernel/present.ts';
import { formatBytes } from '../kernel/units.ts';
import { captureLayout } from '../layout/capture.ts';
import { resolveBase } from '../media/base.ts';
import type { HostFile } from '../media/host-layer.ts';
import { rememberMedium } from '../media/known.ts';
import type { Medium } from '../media/medium.ts';
import { makeRescue, type RescueMedium } from '../media/rescue.ts';
import { captureNetwork } from '../network/capture.ts';
import { asJson, digestOf } from '../plan/digest.ts';
import { installedQemu } from '../qemu/program.ts';
import { bootDefaults } from './commands/rescue-boot.ts';
import { type BootDocument, bootRescue, bootStatus, bootText } from './rescue-boot.ts';
import { agreeTo, type DestinationOptions, destinationOf, formatOptions } from './rescue-destination.ts';
import { type EmbeddingOptions, filesOfHost, isSigned } from './rescue-files.ts';
import { mediumState, settingsDigests } from './rescue-stale.ts';
import type { Session } from './session.ts';
import { programFolder, version } from './version.ts';

export interface BuildOptions extends DestinationOptions, EmbeddingOptions {
  readonly kernel?: string;
  readonly allModules: boolean;
  readonly firmware: 'needed' | 'all';
  /** Firmware by which it is tried before it takes its place; `true` for that of this host. */
  readonly prove?: string | true;
}

export interface BuiltRescue extends RescueMedium {
  readonly boot?: BootDocument;
}

/**
 * What is made only where the newest medium does not fit this host any more, is not where it was written to, or was never seen to start although
 * that is asked for. Where its packages are old, newer ones are looked up.
 *
 * @returns `undefined` where nothing is to be done
 */
export async function buildWhenStale(options: BuildOptions, session: Session): Promise<BuiltRescue | undefined> {
  const state = await mediumState(session);
  const isGone = state !== undefined && options.output !== undefined && !existsSync(resolve(options.output));
  const isUnproven = options.prove !== undefined && state?.proven === undefined;
  if (state !== undefined && state.stale.length === 0 && !isGone && !isUnproven) return undefined;
  if (state?.stale.some(({ subject }) => subject === 'base') === true) await resolveRescue(session);
  return await buildRescue(options, session);
}

/**
 * @throws LifeboatError `usage` for a format that there is not; `rescue-incomplete` for a medium that was tried and does not do what it has to;
 *   as making it does
 */
export async function buildRescue(options: BuildOptions, session: Session): Promise<BuiltRescue> {
  const { host, signal, context } = session;
  const { stateDir } = context;
  const now = new Date();
  if (options.prove !== undefined) await checkProvable(options);
  const own = formatOptions(options);
  const to = await destinationOf(options, session);
  await agreeTo(to, session);
  const captures = {
    layout: await captureLayout(host, now, signal),
    network: await captureNetwork(host, now, signal),
    facts: await captureFacts(host, now, signal),
  };
  const files: HostFile[] = Object.entries(captures).map(([name, document]) => ({
    path: `/etc/lifeboat/captured/${name}.json`,
    content: `${JSON.stringify(document)}\n`,
  }));
  const rescue = await filesOfHost(options, session);
  const { layout, network } = captures;
  const prover = proverOf(options, session);
  const made = await makeRescue(
    host,
    {
      to,
      options: own,
      files: [...files, ...rescue.files],
      secrets: rescue.secrets,
      signed: isSigned(rescue),
      keepHostKeys: options.keepHostKeys,
      program: programFolder(),
      version: version(),
      host: captures.facts.hostname,
      allModules: options.allModules,
      allFirmware: options.firmware === 'all',
      of: {
        layout: digestOf(asJson({ ...layout, capturedAt: null })),
        network: digestOf(asJson({ ...network, capturedAt: null })),
        ...(await settingsDigests(session.globals.config)),
      },
      words: [],
      ...(options.kernel === undefined ? {} : { kernel: options.kernel }),
      ...placesOf(context.stateDir),
      stateDir: context.stateDir,
      node: process.execPath,
      say: (text) => process.stderr.write(`${text}\n`),
      prove: prover.prove,
    },
    now,
    signal,
  );
  const { medium, digest, place } = made;
  await rememberMedium(
    stateDir,
    {
      format: 'lifeboat.known-medium/1',
      medium,
      digest,
      as: options.format,
      output: place,
      ownKernel: options.kernel === undefined && medium.kernel.version === release(),
      boots: prover.boots.map(({ at, firmware, passed }) => ({ at, firmware, passed })),
    },
    { layout, network },
  );
  const [boot] = prover.boots;
  return { ...made, ...present({ boot }) };
}

/** @throws LifeboatError `usage` for what no virtual machine starts from; `tool-missing` */
async function checkProvable({ format }: BuildOptions): Promise<void> {
  if (format === 'grub') {
    throw new LifeboatError(
      'usage',
      "an entry of GRUB starts with this host's own disk, which no virtual machine is given",
      {
        hint: 'Prove a medium of another format: what it starts is the same.',
      },
    );
  }
  await installedQemu();
}

/** Tries a medium in a virtual machine; what came of it can be looked at afterwards. */
function proverOf({ prove, format }: BuildOptions, session: Session) {
  const boots: BootDocument[] = [];
  return {
    boots,
    prove: async (file: string, medium: Medium, digest: string): Promise<void> => {
      if (prove === undefined) return;
      const options = { ...bootDefaults, format, ...(prove === true ? {} : { firmware: prove }) };
      const boot = await bootRescue(file, options, session, { medium, digest });
      boots.push(boot);
      if (boot.passed) return;
      throw new LifeboatError('rescue-incomplete', `the medium does not do what it has to: ${boot.problem ?? ''}`, {
        hint: `See what it showed in ${boot.files}. The medium that was there before, if any, is still in its place.`,
      });
    },
  };
}

/** What is kept from one medium to the next. */
const placesOf = (stateDir: string) => ({
  cache: join(stateDir, 'rescue/cache'),
  lock: join(stateDir, 'rescue/packages.lock'),
});

/** Looks up the versions of all packages that the mirror has now, for the media to come. @returns the file that holds them */
export async function resolveRescue({ host, signal, context }: Session): Promise<{ file: string; packages: number }> {
  const { cache, lock: file } = placesOf(context.stateDir);
  const lock = await resolveBase(host, { rescue: join(programFolder(), 'rescue'), cache }, new Date(), signal);
  await writeFileAtomic(file, `${JSON.stringify(lock, null, 1)}\n`);
  return { file, packages: lock.packages.length };
}

/** Of the command. */
export const buildStatus = ({ boot }: BuiltRescue): 0 | 1 | 4 => (boot === undefined ? 0 : bootStatus(boot));

export function mediumText({ place, medium, bytes, parts, largest, boot }: BuiltRescue, sizes: boolean): string {
  return [
    `${place}  ${formatBytes(bytes)}`,
    `  starts ${medium.host} with the kernel ${medium.kernel.version}; packages of ${medium.base.resolved}`,
    `  its ssh server ${medium.hostKey === undefined ? 'makes itself a key at each start' : `is known by ${medium.hostKey}`}`,
    ...(medium.unserved === undefined ? [] : [`  without firmware, as there is none: ${medium.unserved.join(', ')}`]),
    ...medium.secrets.map((one) => `  it holds ${one}`),
    ...(sizes ? ['', ...sizeLines({ parts, largest })] : []),
    ...(boot === undefined ? [] : ['', bootText(boot)]),
  ].join('\n');
}

function sizeLines({ parts, largest }: Pick<BuiltRescue, 'parts' | 'largest'>): readonly string[] {
  const line = (name: string, bytes: number): string => `  ${formatBytes(bytes).padStart(10)}  ${name}`;
  const packed = Object.entries(parts).map(([name, bytes]) => line(name, bytes));
  return [...packed, '', 'what is largest in it, unpacked:', ...largest.map(({ name, bytes }) => line(name, bytes))];
}
