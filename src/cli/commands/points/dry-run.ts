import type { OpenRepository } from '../../../steps/repository.ts';
import type { Destruction } from '../../../steps/consent.ts';
import type { openPoints } from './open.ts';

type Opened = Awaited<ReturnType<typeof openPoints>>;

/** What a command would do, as a document and as a person reads it. */
interface Planned {
  readonly plan: object;
  readonly destruction: Destruction;
  readonly text: string;
  /** Whether it needs consent, so that the digest is told. */
  readonly asks: boolean;
}

/** Prints a plan that is made in the repository that this host knows. */
export async function dryRun(
  { globals, config, session, hostName }: Opened,
  make: (repository: OpenRepository) => Promise<Planned>,
): Promise<void> {
  const { openSame } = await import('../../../steps/repository.ts');
  const { consentDigest } = await import('../../../steps/consent.ts');
  const { printResult } = await import('../../output.ts');
  const { stateDir } = session.context;
  await using repository = await openSame({ config, stateDir }, session.opening, session.signal);
  const { plan, destruction, text, asks } = await make(repository);
  const digest = consentDigest(destruction.identity);
  printResult(globals.json, { dryRun: true, host: hostName, ...plan, digest }, () =>
    asks ? `${text}\nTo agree: --yes=${digest}` : text,
  );
}
