/** A sandbox that `init` made, with keys. */
import { type CliOptions, type Ended, type Sandbox, sandbox, startLifeboat } from './cli.ts';

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

/** @param args further ones of `init` */
export async function keyedSandbox(...args: readonly string[]): Promise<KeyedSandbox> {
  const box = await sandbox({ bare: true });
  const init = ['init', '--repository', `file://${box.repository}`, '--host', 'box', '--include', box.source, ...args];
  const made = await box.ask(...init);
  if (made.code !== 0) throw new Error(`init failed: ${made.stdout}${made.stderr}`);
  const { recovery }: Recovery = JSON.parse(made.stdout);
  const env = (code: string | undefined): CliOptions =>
    code === undefined ? {} : { env: { LIFEBOAT_RECOVERY_CODE: code } };
  return {
    ...box,
    code: recovery.code,
    ageIdentity: recovery.ageIdentity,
    keyFile: `${box.base}/etc/host.key`,
    withCode: (code, ...args) => box.start(['--json', '--quiet', ...args], env(code)).ended,
    elsewhere: async (code, ...args) => {
      const global = ['--repository', `file://${box.repository}`, '--state-dir', `${box.base}/elsewhere`];
      return await startLifeboat(['--json', '--quiet', ...global, ...args], env(code)).ended;
    },
  };
}
