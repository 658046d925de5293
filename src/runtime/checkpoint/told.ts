/** What a file says of what it holds, before it is read: each piece is read once, and it is those bytes that are judged and used. */
import { createHash } from 'node:crypto';
import { dirname, join } from 'node:path/posix';
import { z } from 'zod';
import type { Host } from '../../host/host.ts';
import { LifeboatError } from '../../kernel/errors.ts';
import { type Container, containerFormat } from '../model/container.ts';
import { membersOf, readMember } from './archive.ts';
import { type Checkpoint, cpuName, documentName, parseCheckpoint, signatureName } from './document.ts';
import { cpuFits, criuOf, groundOf, isOlder } from './facts.ts';
import type { RestoreOptions } from './restore.ts';

/** A document lists every member; a signature and what a processor can do have some hundred bytes. */
const maxDocument = 32 << 20;
const maxSignature = 64 << 10;
const maxCpu = 1 << 20;

export interface Told {
  readonly checkpoint: Checkpoint;
  /** What its processor could do, as CRIU wrote it; judged by the document. */
  readonly cpu: Buffer | undefined;
}

/**
 * What lies behind the archive, after it was judged.
 *
 * @returns nothing of what lifeboat has not made, where that is agreed to
 * @throws LifeboatError `untrusted`, `archive-damaged`, `record-damaged`, `newer-format`
 */
export async function toldBy(
  host: Host,
  { file, unsigned, judge }: RestoreOptions,
  signal: AbortSignal,
): Promise<Told | undefined> {
  const bytes = await readMember(host, file, documentName, maxDocument, signal);
  if (bytes === undefined) {
    await membersOf(host, file, signal);
    if (unsigned) return undefined;
    throw new LifeboatError('untrusted', `${file} was not made by lifeboat, and nobody has signed it`, {
      hint: 'What it holds runs here with the rights of the container. If you know where it is from, add --unsigned.',
    });
  }
  const checkpoint = parseCheckpoint(bytes, file);
  if (!unsigned) judge(bytes, await readMember(host, file, signatureName, maxSignature, signal), checkpoint.host);
  return { checkpoint, cpu: await readMember(host, file, cpuName, maxCpu, signal) };
}

/**
 * What a file that this host has made itself just now says of itself; it is not judged.
 *
 * @returns nothing where there is none
 */
export async function checkpointIn(host: Host, file: string, signal: AbortSignal): Promise<Checkpoint | undefined> {
  const there = await host.run(['test', '-f', file], { okCodes: [0, 1] }, signal);
  const bytes = there.code === 0 ? await readMember(host, file, documentName, maxDocument, signal) : undefined;
  return bytes === undefined ? undefined : parseCheckpoint(bytes, file);
}

/** What of the machine does not go with it; of CRIU and of the processor, with its images. @param work a directory of our own */
export async function unfit(
  host: Host,
  { checkpoint: { criu, architecture, cpuSha256, withoutMemory }, cpu }: Told,
  work: string,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const here = await groundOf(host, signal);
  if (here.architecture !== architecture) {
    return [
      `it was made on ${architecture}, and this machine is ${here.architecture}: no checkpoint goes from one to the other`,
    ];
  }
  if (withoutMemory === true) return [];
  const found: string[] = [];
  const own = await criuOf(host, signal);
  if (criu === undefined || isOlder(own, criu)) {
    const newer = criu ?? 'one that it does not name';
    found.push(`it was made by CRIU ${newer}, and here is ${own}: install ${newer} or newer`);
  }
  if (cpu === undefined) return [...found, 'the file does not say what its processor could: it is damaged'];
  if (createHash('sha256').update(cpu).digest('hex') !== cpuSha256) {
    return [...found, 'what the file says of its processor is not what was signed: it is damaged'];
  }
  const image = join(work, 'cpu', 'cpuinfo.img');
  await host.run(['mkdir', '--', dirname(image)], {}, signal);
  await host.write(image, cpu, {}, signal);
  if (!(await cpuFits(host, dirname(image), signal))) {
    found.push('the processor that it ran on can do what this one cannot: restore it on one that is as new');
  }
  return found;
}

const configSchema = z.object({
  id: z.string(),
  name: z.string(),
  rootfsImageID: z.string().nullish(),
  rootfsImageName: z.string().nullish(),
});

/**
 * What podman's own export says of its container, as far as a restore asks for it.
 *
 * @param archive what is read
 * @param file what it is called
 */
export async function exportedByPodman(
  host: Host,
  archive: string,
  file: string,
  signal: AbortSignal,
): Promise<Container> {
  const bytes = await readMember(host, archive, 'config.dump', maxDocument, signal);
  const parsed = configSchema.safeParse(bytes === undefined ? undefined : JSON.parse(bytes.toString('utf8')));
  if (!parsed.success) {
    throw new LifeboatError('archive-damaged', `${file} is no checkpoint of lifeboat and none of podman`);
  }
  const { id, name, rootfsImageID, rootfsImageName } = parsed.data;
  return {
    format: containerFormat,
    capturedAt: new Date().toISOString(),
    runtime: 'podman',
    id,
    name,
    state: 'exited',
    ...(rootfsImageID
      ? { image: { id: rootfsImageID, ...(rootfsImageName ? { reference: rootfsImageName } : {}) } }
      : {}),
    mounts: [],
    namespaces: [],
    networks: [],
    ports: [],
    labels: {},
    annotations: {},
    definedBy: [],
    gaps: [],
  };
}
