/** The recovery in the machine, as anybody would start it: `lifeboat recover`, with nobody to ask. */
import { z } from 'zod';
import type { Argv, Host } from '../host/host.ts';
import { LifeboatError } from '../kernel/errors.ts';
import type { Secret } from '../kernel/secret.ts';
import { formatBytes } from '../kernel/units.ts';

/** In memory of the rescue system. */
const directory = '/run/lifeboat/drill';
const configFile = `${directory}/lifeboat.yaml`;
/** Where its configuration names the key of the host. */
export const guestKey = `${directory}/host.key`;

const documentSchema = z.looseObject({
  plan: z.string().exactOptional(),
  phases: z.array(z.object({ name: z.string(), seconds: z.number() })).default([]),
  result: z.string().default('unproven'),
  root: z.string().exactOptional(),
  proof: z
    .looseObject({
      files: z.looseObject({
        total: z.number(),
        checked: z.number(),
        bytes: z.number(),
        wrong: z.number(),
        leftOut: z.number().default(0),
      }),
      graph: z.array(z.unknown()),
      boot: z.array(z.unknown()),
      mounts: z.array(z.unknown()),
    })
    .nullish(),
});

const errorSchema = z.looseObject({ error: z.looseObject({ message: z.string() }) });

export type Recovery = z.output<typeof documentSchema>;

/** What the rescue system is given to recover with. */
export interface Provisions {
  /** The configuration, as it is written there. */
  readonly config: string;
  /** That the host vouches for it. */
  readonly signature?: string;
  /** The file of the host's key. */
  readonly key?: Uint8Array;
  /** By their names, as beside the configuration. */
  readonly secrets: ReadonlyMap<string, Secret>;
}

/** Goes by the agent into memory: no disk and no command line sees it. */
export async function handOver(
  host: Host,
  { config, signature, key, secrets }: Provisions,
  signal: AbortSignal,
): Promise<void> {
  await host.run(['mkdir', '-p', '-m', '0700', directory, `${directory}/secrets`], {}, signal);
  await host.write(configFile, Buffer.from(config), {}, signal);
  if (signature !== undefined) await host.write(`${configFile}.sig`, Buffer.from(signature), {}, signal);
  if (key !== undefined) await host.write(guestKey, key, {}, signal);
  for (const [name, secret] of secrets) {
    await host.write(`${directory}/secrets/${name}`, Buffer.from(secret.reveal()), {}, signal);
  }
}

export interface Ran {
  readonly code: number;
  /** As it was printed, where it was: of a recovery, or of its failure. */
  readonly text: string;
  readonly recovery?: Recovery;
  /** Why there is none. */
  readonly problem?: string;
}

const eventSchema = z.looseObject({
  type: z.string(),
  title: z.string().exactOptional(),
  message: z.looseObject({ type: z.string() }).exactOptional(),
});

export interface Listening {
  /** Each line that it logs, but for how far it has come. */
  readonly onLine: (line: string) => void;
  /** What it begins to do. */
  readonly onStep: (title: string) => void;
}

export async function recoverInside(
  host: Host,
  point: string,
  { onLine, onStep }: Listening,
  signal: AbortSignal,
): Promise<Ran> {
  const hear = (line: string): void => {
    const { data: event } = eventSchema.safeParse(parsed(line));
    if (event?.message?.type === 'progress') return;
    onLine(line);
    if (event?.type === 'step-started' && event.title !== undefined) onStep(event.title);
  };
  const args = ['recover', '--unattended', '--after', 'nothing', '--point', point];
  const running = host.stream([...lifeboat, ...args], { onStderrLine: hear }, signal);
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of running.stdout) {
    size += chunk.length;
    if (size > mostPrinted)
      throw new LifeboatError('machine-failed', `the recovery prints more than ${formatBytes(mostPrinted)}`);
    chunks.push(chunk);
  }
  const { code, stderr } = await running.finished;
  const text = Buffer.concat(chunks).toString();
  const said = parsed(text);
  const recovery = documentSchema.safeParse(said);
  if ((code === 0 || code === 4 || code === 1) && recovery.success && recovery.data.root !== undefined)
    return { code, text, recovery: recovery.data };
  const error = errorSchema.safeParse(said);
  const problem = error.success ? error.data.error.message : `exit status ${code}: ${stderr.trim().slice(-2000)}`;
  return { code, text, problem };
}

/** Far more than a document has, also where it names what is wrong. */
const mostPrinted = 32 * 1024 * 1024;

const lifeboat: Argv = ['lifeboat', '--json', '--config', configFile];

/** Mounts the recovered system again, which the recovery has let go of. @returns where */
export async function mountInside(host: Host, point: string, signal: AbortSignal): Promise<string> {
  const argv: Argv = [...lifeboat, 'recover', '--mount-only', '--point', point];
  const { stdout } = await host.run(argv, { timeoutMs: 1_800_000, okCodes: [0, 4] }, signal);
  const { root } = documentSchema.parse(parsed(stdout.toString()));
  if (root === undefined) throw new LifeboatError('machine-failed', 'the recovered system could not be mounted again');
  return root;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
