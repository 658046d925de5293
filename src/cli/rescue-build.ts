/** Making a rescue medium: what goes in of this host, and what is told of the result. */
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { captureFacts } from '../facts/capture.ts';
import { writeFileAtomic } from '../kernel/atomic-write.ts';
import { formatBytes } from '../kernel/units.ts';
import { captureLayout } from '../layout/capture.ts';
import { resolveBase } from '../media/base.ts';
import type { HostFile } from '../media/host-layer.ts';
import { makeRescue, type RescueMedium } from '../media/rescue.ts';
import { captureNetwork } from '../network/capture.ts';
import { asJson, digestOf } from '../plan/digest.ts';
import { agreeTo, type DestinationOptions, destinationOf, formatOptions } from './rescue-destination.ts';
import { type EmbeddingOptions, filesOfHost } from './rescue-files.ts';
import type { Session } from './session.ts';
import { version } from './version.ts';

interface Options extends DestinationOptions, EmbeddingOptions {
  readonly kernel?: string;
  readonly allModules: boolean;
}

/** @throws LifeboatError `usage` for a format that there is not; as making it does */
export async function buildRescue(options: Options, session: Session): Promise<RescueMedium> {
  const { host, signal, context } = session;
  const now = new Date();
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
  const { files: config, secrets } = await filesOfHost(options, session);
  const { layout, network } = captures;
  return await makeRescue(
    host,
    {
      to,
      options: own,
      files: [...files, ...config],
      secrets,
      keepHostKeys: options.keepHostKeys,
      program: programFolder(),
      version: version(),
      host: captures.facts.hostname,
      allModules: options.allModules,
      of: {
        layout: digestOf(asJson({ ...layout, capturedAt: null })),
        network: digestOf(asJson({ ...network, capturedAt: null })),
      },
      words: [],
      ...(options.kernel === undefined ? {} : { kernel: options.kernel }),
      ...placesOf(context.stateDir),
      stateDir: context.stateDir,
      node: process.execPath,
      say: (text) => process.stderr.write(`${text}\n`),
    },
    now,
    signal,
  );
}

const programFolder = (): string => dirname(createRequire(import.meta.url).resolve('lifeboat/package.json'));

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

export function mediumText({ place, medium, bytes, parts }: RescueMedium, sizes: boolean): string {
  return [
    `${place}  ${formatBytes(bytes)}`,
    `  starts ${medium.host} with the kernel ${medium.kernel.version}; packages of ${medium.base.resolved}`,
    `  its ssh server is known by ${medium.hostKey}`,
    ...medium.secrets.map((one) => `  it holds ${one}`),
    ...(sizes ? Object.entries(parts).map(([name, size]) => `  ${formatBytes(size).padStart(10)}  ${name}`) : []),
  ].join('\n');
}
