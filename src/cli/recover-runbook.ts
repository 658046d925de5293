/** What a runbook says of this host: of the machine itself, its newest medium and point, as far as they can be asked for. */
import { resolve } from 'node:path';
import { loadConfig } from '../config/load.ts';
import type { Config } from '../config/schema.ts';
import { asLifeboatError } from '../kernel/errors.ts';
import { present } from '../kernel/present.ts';
import { redactText } from '../kernel/secret.ts';
import { knownMedia } from '../media/known.ts';
import { captureNetwork } from '../network/capture.ts';
import { findPoint } from '../point/find.ts';
import { lastRecoveries } from '../point/recoveries.ts';
import { type RunbookFacts, runbookText } from '../recover/runbook.ts';
import { openConfigured } from '../steps/repository.ts';
import { layoutDocument } from './documents.ts';
import { hostNameOf } from './requests.ts';
import { mediumState } from './rescue-stale.ts';
import type { Session } from './session.ts';

export async function runbookOf(session: Session): Promise<{ readonly facts: RunbookFacts; readonly text: string }> {
  const { globals, host, signal } = session;
  // A page without its newest point is better than none.
  const config = await loadConfig(resolve(globals.config)).catch(() => undefined);
  const layout = await layoutDocument.capture(host, signal);
  const network = await captureNetwork(host, new Date(), signal);
  const point = config === undefined ? {} : await newestOf(config, session);
  const facts: RunbookFacts = {
    host: config === undefined ? 'this machine' : await hostNameOf(config, host, signal),
    at: new Date().toISOString(),
    layout,
    addresses: network.links.flatMap(({ name, addresses }) =>
      addresses
        .filter(({ scope }) => scope === 'global')
        .map(({ address, prefix }) => `${address}/${prefix} on ${name}`),
    ),
    repositories: [...new Set([config?.repository ?? [], config?.recover?.repositories ?? []].flat())].map(redactText),
    ...present({
      medium: await mediumOf(session, { layout, network }),
      unattended: config?.recover === undefined ? undefined : consentText(config.recover),
    }),
    ...point,
  };
  return { facts, text: runbookText(facts) };
}

async function mediumOf(session: Session, now: Parameters<typeof mediumState>[1]): Promise<RunbookFacts['medium']> {
  const [known] = await knownMedia(session.context.stateDir);
  const state = await mediumState(session, now);
  if (known === undefined || state === undefined) return undefined;
  const { format, output, made, stale, proven } = state;
  const more = present({ hostKey: known.medium.hostKey, provenAt: proven?.at });
  return { format, output, made, stale: stale.length > 0, ...more };
}

/** Nothing where the repository cannot be asked: the page is printed all the same. */
async function newestOf(
  config: Config,
  { host, opening, signal }: Session,
): Promise<Pick<RunbookFacts, 'newest' | 'seconds'>> {
  try {
    await using repository = await openConfigured(config, opening, signal);
    const hostName = await hostNameOf(config, host, signal);
    const { point, trust } = await findPoint(repository, hostName, 'latest', signal);
    const { recoveries, drills } = await lastRecoveries(repository, hostName, signal);
    const seconds = [recoveries, drills]
      .flatMap(({ passed }) => passed ?? [])
      .toSorted((a, b) => b.at.localeCompare(a.at))
      .flatMap((one) => one.seconds ?? [])[0];
    return { newest: { id: point.id, createdAt: point.createdAt, trust }, ...present({ seconds }) };
  } catch (error) {
    if (asLifeboatError(error).code === 'interrupted') throw error;
    return {};
  }
}

function consentText({ consent, after }: NonNullable<Config['recover']>): string {
  const which = typeof consent === 'string' ? 'blank disks only' : [...consent.serials, ...consent.slots].join(', ');
  return `${which}; then ${after}`;
}
