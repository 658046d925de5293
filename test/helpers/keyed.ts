/** A sandbox that `init` made, with keys. */
import { afterAll } from 'vitest';
import { formatRecoveryCode, newRecoveryCode } from '../../src/keys/recovery-code.ts';
import { type CliOptions, copiesAs, type Ended, type Sandbox, sandbox, startLifeboat } from './cli.ts';

export interface KeyedSandbox extends Sandbox {
  /** As `init` printed it. */
  readonly code: string;
  readonly ageIdentity: string;
  readonly keyFile: string;
  /** With a recovery code in the environment. */
  withCode(code: string, ...args: readonly string[]): Promise<Ended>;
  /** As {@link withCode}, on a machine that has nothing but the URL of the repository. */
  elsewhere(code: string | undefined, ...args: readonly string[]): Promise<Ended>;
}

interface Recovery {
  readonly recovery: { readonly code: string; readonly ageIdentity: string };
}

/** The new code in what `init` or `key rotate` printed as JSON. */
export function newCodeIn({ stdout }: Ended): string {
  const document: Recovery = JSON.parse(stdout);
  return document.recovery.code;
}

/** @param args further ones of `init`, which a file runs once for each set of them: its sandboxes are copies, with the same code */
export async function keyedSandbox(...args: readonly string[]): Promise<KeyedSandbox> {
  return await likeFirst(args.join(' '), () => newKeyedSandbox(...args));
}

/** One with keys that no other sandbox has. */
export async function newKeyedSandbox(...args: readonly string[]): Promise<KeyedSandbox> {
  const box = await sandbox({ bare: true });
  const init = ['init', '--repository', `file://${box.repository}`, '--host', 'box', '--include', box.source, ...args];
  const ended = await box.ask(...init);
  if (ended.code !== 0) throw new Error(`init failed: ${ended.stdout}${ended.stderr}`);
  const { recovery }: Recovery = JSON.parse(ended.stdout);
  return keyed(box, recovery);
}

/** The same, whose recovery code was proven, so that nothing is to be said of a backup. */
export async function provenSandbox(...args: readonly string[]): Promise<KeyedSandbox> {
  return await likeFirst(`proven ${args.join(' ')}`, async () => {
    const box = await keyedSandbox(...args);
    const { code, stdout } = await box.withCode(box.code, 'key', 'check');
    if (code !== 0) throw new Error(`key check failed: ${stdout}`);
    return box;
  });
}

/** Like `copiesOf`, of a sandbox with keys. */
export function copiesOfKeyed(prepare: () => Promise<KeyedSandbox>): () => Promise<KeyedSandbox> {
  return copiesAs(prepare, keyed);
}

/** A recovery code that opens nothing. */
export function anotherCode(): string {
  return formatRecoveryCode(newRecoveryCode());
}

const firsts = new Map<string, Promise<KeyedSandbox>>();
afterAll(async () => {
  for (const first of firsts.values()) await (await first)[Symbol.asyncDispose]();
});

async function likeFirst(kind: string, prepare: () => Promise<KeyedSandbox>): Promise<KeyedSandbox> {
  const first = firsts.get(kind) ?? prepare();
  firsts.set(kind, first);
  const like = await first;
  return keyed(await sandbox({ like }), like);
}

function keyed(box: Sandbox, { code, ageIdentity }: Recovery['recovery']): KeyedSandbox {
  const env = (code: string | undefined): CliOptions =>
    code === undefined ? {} : { env: { LIFEBOAT_RECOVERY_CODE: code } };
  return {
    ...box,
    code,
    ageIdentity,
    keyFile: `${box.base}/etc/host.key`,
    withCode: (code, ...args) => box.start(['--json', '--quiet', ...args], env(code)).ended,
    elsewhere: async (code, ...args) => {
      const global = ['--repository', `file://${box.repository}`, '--state-dir', `${box.base}/elsewhere`];
      return await startLifeboat(['--json', '--quiet', ...global, ...args], env(code)).ended;
    },
  };
}
