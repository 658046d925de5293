/** Running this lifeboat's own commands: each in a process of its own, whose memory and crashes are its own too. */
import { anyCode } from '../host/any-code.ts';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { z } from 'zod';
import type { Host } from '../host/host.ts';

/** What a child may know of our environment: paths and names, none of them a secret. */
const passed = ['CREDENTIALS_DIRECTORY', 'TZ', 'TMPDIR', 'SSH_AUTH_SOCK', 'NODE_EXTRA_CA_CERTS'];
/** After SIGTERM a run undoes what it half did; a cleanup has ten minutes. */
const graceMs = 12 * 60_000;
/** As long as a timer of Node can be. A job has a limit of its own. */
const endlessMs = 24 * 86_400_000;

export interface Self {
  readonly host: Host;
  readonly config: string;
  readonly stateDir: string;
}

const resultSchema = z.object({
  error: z
    .object({
      code: z.string(),
      message: z.string(),
      hint: z.string().exactOptional(),
      retryable: z.boolean().exactOptional(),
    })
    .exactOptional(),
  run: z
    .object({ id: z.string(), findings: z.array(z.object({ subject: z.string(), problem: z.string() })) })
    .exactOptional(),
});

export interface Result extends z.infer<typeof resultSchema> {
  readonly code: number;
  /** What it printed, whatever that was. */
  readonly document: unknown;
}

/** The program and the Node that this process runs as: neither npm nor a shell stands between, so signals arrive. */
export function programArgv({ config, stateDir }: Pick<Self, 'config' | 'stateDir'>): [string, ...string[]] {
  const root = dirname(createRequire(import.meta.url).resolve('lifeboat/package.json'));
  const globals = ['--config', resolve(config), '--state-dir', resolve(stateDir)];
  return [process.execPath, join(root, 'bin', 'lifeboat.js'), ...globals];
}

/**
 * Runs a command to its end, whatever that is. An abort is SIGTERM to it, and time to clean up.
 *
 * @throws LifeboatError the reason of the abort; `tool-missing`, … when it could not be started
 */
export async function runSelf(self: Self, command: readonly string[], signal: AbortSignal): Promise<Result> {
  const env = Object.fromEntries(
    passed.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])),
  );
  const { code, stdout, stderr } = await self.host.run(
    [...programArgv(self), '--json', '--quiet', ...command],
    { okCodes: anyCode, timeoutMs: endlessMs, killGraceMs: graceMs, env },
    signal,
  );
  const document = parsed(stdout.toString('utf8'));
  const known = resultSchema.safeParse(document);
  if (known.success) return { code, document, ...known.data };
  const said = stderr.trim().split('\n').at(-1) ?? '';
  const message = code > 128 ? `it was ended by signal ${code - 128}` : `it printed no result (exit status ${code})`;
  return {
    code: code === 0 ? 1 : code,
    document,
    error: { code: 'failed', message: said === '' ? message : `${message}: ${said}` },
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
