/** A container out of the file of a checkpoint. What is missing here is found before anything is made. */
import { dirname, join } from 'node:path/posix';
import { z } from 'zod';
import type { Host } from '../../host/host.ts';
import { sleep } from '../../kernel/wait.ts';
import { captureContainers } from '../capture.ts';
import { LifeboatError } from '../../kernel/errors.ts';
import type { RestoreRequest, Tcp } from '../lifecycle.ts';
import { type Container, containerFormat } from '../model/container.ts';
import { contentOf, membersOf, readMember } from './archive.ts';
import { interruptedOf, resumeInterrupted } from './interrupted.ts';
import { type Checkpoint, cpuName, documentName, parseCheckpoint, signatureName } from './document.ts';
import { lifecycleOf } from './verbs.ts';
import { cpuFits, groundOf, isOlder } from './facts.ts';

export interface RestoreOptions {
  readonly file: string;
  /** @default the one that it had */
  readonly name?: string;
  /** @default as at the checkpoint */
  readonly tcp?: Tcp;
  readonly keepVolumes: boolean;
  /** Only looks what is missing. */
  readonly dryRun: boolean;
  /** Nobody signed it, and that is agreed to. */
  readonly unsigned: boolean;
  /**
   * Judges who signed the document.
   *
   * @param signature absent where there is none
   * @throws LifeboatError `untrusted` where nobody vouches for it
   */
  readonly judge: (document: Uint8Array, signature: Uint8Array | undefined, host: string) => void;
}

export interface Restored {
  /** It was what a checkpoint had left that was interrupted; with what was found. */
  readonly interrupted?: 'restored' | 'it ran on';
  /** Absent where it was only to look. */
  readonly id?: string;
  readonly container: Container;
  /** Absent of one that lifeboat has not made. */
  readonly checkpoint?: Checkpoint;
}

/**
 * @throws LifeboatError `not-found`, `untrusted`, `archive-damaged`, `archive-unsafe`, `refused` with all that is missing here, `criu-failed`, …: nothing of
 *   the container is here then, and the file is as it was
 */
export async function restoreFromFile(host: Host, options: RestoreOptions, signal: AbortSignal): Promise<Restored> {
  const { file, name, keepVolumes } = options;
  const begun = await interruptedOf(host, file, signal);
  if (begun !== undefined) return await resumeInterrupted(host, begun, options, signal);
  const there = await host.run(['test', '-f', file], { okCodes: [0, 1] }, signal);
  if (there.code !== 0) throw new LifeboatError('not-found', `there is no file ${file}`);
  await membersOf(host, file, signal);
  const checkpoint = await checked(host, options, signal);
  const container = checkpoint?.container ?? (await ofPodman(host, file, signal));
  const tcp = options.tcp ?? checkpoint?.tcp;
  await using stack = new AsyncDisposableStack();
  const { stdout } = await host.run(['mktemp', '-d', '--', `${file}.XXXXXXXX`], {}, signal);
  const work = stdout.toString().trimEnd();
  stack.defer(async () => {
    await host.run(['rm', '-rf', '--', work], {}, new AbortController().signal);
  });
  const request: RestoreRequest = {
    archive: file,
    work,
    container,
    keepVolumes,
    ...(name === undefined ? {} : { name }),
    ...(tcp === undefined ? {} : { tcp }),
  };
  const lifecycle = lifecycleOf(container.runtime);
  const missing = [
    ...(checkpoint === undefined ? [] : await unfit(host, checkpoint, file, work, signal)),
    ...(await takenPorts(host, container, signal)),
    ...(await lifecycle.missing(host, request, signal)),
  ];
  const [first, ...others] = missing;
  if (first !== undefined) {
    const all = others.length === 0 ? first : [`${missing.length} things speak against it`, ...missing].join('\n');
    throw new LifeboatError('refused', `${name ?? container.name} cannot be restored here: ${all}`, {
      hint: 'Nothing was made.',
    });
  }
  const found = { container, ...(checkpoint ? { checkpoint } : {}) };
  if (options.dryRun) return found;
  const id = await lifecycle.restore(host, request, signal);
  await refuseEnded(host, container, id, signal);
  return { id, ...found };
}

/** So long a program that cannot go on with what it finds may take to end. */
const settlingMs = 1_000;

/** @throws LifeboatError `failed` where it ran on for a moment only: runtimes call that a restore */
async function refuseEnded(host: Host, { name, runtime }: Container, id: string, signal: AbortSignal): Promise<void> {
  await sleep(settlingMs, signal);
  const { containers, gaps } = await captureContainers(host, new Date(), signal, [runtime]);
  const state = containers.find((one) => one.id === id)?.state;
  if (state === 'running' || (state === undefined && gaps.length > 0)) return;
  throw new LifeboatError('failed', `${name} was restored, and has ended since (${state ?? 'it is gone'})`, {
    hint: 'The file is as it was. Its own log may say why: a connection or a file that is not there any more.',
  });
}

/**
 * What a file that this host has made itself just now says of itself; it is not judged.
 *
 * @returns nothing where there is none
 */
export async function checkpointIn(host: Host, file: string, signal: AbortSignal): Promise<Checkpoint | undefined> {
  const there = await host.run(['test', '-f', file], { okCodes: [0, 1] }, signal);
  const bytes = there.code === 0 ? await readMember(host, file, documentName, signal) : undefined;
  return bytes === undefined ? undefined : parseCheckpoint(bytes, file);
}

/** The document, after it was judged, and the archive against it. */
async function checked(
  host: Host,
  { file, unsigned, judge }: RestoreOptions,
  signal: AbortSignal,
): Promise<Checkpoint | undefined> {
  const bytes = await readMember(host, file, documentName, signal);
  if (bytes === undefined) {
    if (unsigned) return undefined;
    throw new LifeboatError('untrusted', `${file} was not made by lifeboat, and nobody has signed it`, {
      hint: 'What it holds runs here with the rights of the container. If you know where it is from, add --unsigned.',
    });
  }
  const checkpoint = parseCheckpoint(bytes, file);
  if (!unsigned) judge(bytes, await readMember(host, file, signatureName, signal), checkpoint.host);
  const found = await contentOf(host, file, signal, checkpoint.content.bytes);
  if (found.bytes === checkpoint.content.bytes && found.sha256 === checkpoint.content.sha256) return checkpoint;
  throw new LifeboatError('archive-damaged', `${file} is damaged: it is not what was checkpointed`, {
    hint: 'Take another copy of it.',
  });
}

/** What of CRIU and of the processor does not go with the images. */
async function unfit(
  host: Host,
  { criu, architecture, cpuSha256 }: Checkpoint,
  file: string,
  work: string,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const here = await groundOf(host, signal);
  const found: string[] = [];
  if (isOlder(here.criu, criu)) {
    found.push(`it was made by CRIU ${criu}, and here is ${here.criu}: install ${criu} or newer`);
  }
  if (here.architecture !== architecture) {
    return [
      ...found,
      `it was made on ${architecture}, and this machine is ${here.architecture}: no checkpoint goes from one to the other`,
    ];
  }
  const image = join(work, cpuName);
  await host.run(['mkdir', '-p', '--', dirname(image)], {}, signal);
  const bytes = await readMember(host, file, cpuName, signal);
  if (bytes === undefined) return [...found, 'the file does not say what its processor could: it is damaged'];
  await host.write(image, bytes, {}, signal);
  if ((await contentOf(host, image, signal)).sha256 !== cpuSha256) {
    return [...found, 'what the file says of its processor is not what was signed: it is damaged'];
  }
  if (!(await cpuFits(host, dirname(image), signal))) {
    found.push('the processor that it ran on can do what this one cannot: restore it on one that is as new');
  }
  return found;
}

/** Ports of the host that the container wants and somebody else has. */
async function takenPorts(host: Host, { ports }: Container, signal: AbortSignal): Promise<readonly string[]> {
  if (ports.length === 0) return [];
  const { stdout } = await host.run(['ss', '-Hltun'], { timeoutMs: 15_000 }, signal);
  const taken = parseListening(stdout.toString());
  return ports
    .filter(({ protocol, outside }) => taken.has(`${protocol} ${outside}`))
    .map(({ protocol, outside }) => `port ${outside} (${protocol}) of this host is taken: "ss -ltunp" says by whom`);
}

/** @param lines of `ss -Hltun` */
export function parseListening(lines: string): ReadonlySet<string> {
  return new Set(
    lines.split('\n').flatMap((line) => {
      const [protocol, , , , local = ''] = line.trim().split(/\s+/);
      const port = /:(\d+)$/.exec(local)?.[1];
      return protocol === undefined || port === undefined ? [] : [`${protocol} ${port}`];
    }),
  );
}

const configSchema = z.object({
  id: z.string(),
  name: z.string(),
  rootfsImageID: z.string().nullish(),
  rootfsImageName: z.string().nullish(),
});

/** What podman's own export says of its container, as far as a restore asks for it. */
async function ofPodman(host: Host, file: string, signal: AbortSignal): Promise<Container> {
  const bytes = await readMember(host, file, 'config.dump', signal);
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
