/** What of this host, as it is now, its points hold. */
import type { Config } from '../config/schema.ts';
import { captureFacts } from '../facts/capture.ts';
import type { Exclusion } from '../engine/engine.ts';
import { asLifeboatError } from '../kernel/errors.ts';
import { captureLayout } from '../layout/capture.ts';
import { captureForPoint } from '../point/capture-containers.ts';
import { taking } from '../point/containers.ts';
import { coverageWith } from '../point/host-coverage.ts';
import { followedPaths } from '../point/include.ts';
import { heldBy } from '../point/held.ts';
import { wholePoint } from './points.ts';
import { ownPaths, type Session } from './session.ts';

/**
 * The coverage of the host by the point of that name; without any point, what the configuration would have a backup hold
 * is not covered either.
 *
 * @throws LifeboatError as `findPoint`, but not for a repository without points
 */
export async function coverageOfHost(config: Config, name: string, session: Session, now: Date) {
  const { host, signal } = session;
  const found = await wholePoint(config, name, session).catch((error: unknown) => {
    if (name === 'latest' && asLifeboatError(error).code === 'not-found') return undefined;
    throw error;
  });
  const [layout, facts, seen] = await Promise.all([
    captureLayout(host, now, signal),
    captureFacts(host, now, signal),
    captureForPoint(host, now, signal),
  ]);
  const { containers } = seen;
  const point = found?.point;
  const leftOut = (rule: Exclusion['rule']): boolean => point?.data.excluded.some((one) => one.rule === rule) ?? false;
  // What is kept for containers is so by what there is now: a new one was not there when the point was made, which is then said.
  const backup = point === undefined ? config.backup : { ...config.backup, ...point, crossMounts: 'none' as const };
  const { include, keep, imageLayers } = taking(backup, layout, containers);
  const selection = {
    include: await followedPaths(
      host,
      point === undefined ? include : [...new Set([...point.include, ...keep])],
      signal,
    ),
    keep: [...new Set([...(point?.keep ?? []), ...keep])],
    imageLayers: point === undefined || leftOut('image-layer') ? imageLayers : [],
    exclude: (point ?? config.backup).exclude,
    own: ownPaths(config, session.globals),
    excludeCaches: point === undefined ? config.backup.excludeCaches : leftOut('cache-directory'),
    ...(leftOut('too-large') ? { maxFileSize: config.backup.maxFileSize ?? 'was to be stored' } : {}),
    unread: point?.data.findings.map(({ subject }) => subject).filter((subject) => subject.startsWith('/')) ?? [],
  };
  const items = await coverageWith(layout, selection, { facts, containers }, host, signal);
  const held =
    found === undefined
      ? items.map((item) =>
          item.state === 'not-covered' || item.kind === 'swap'
            ? item
            : {
                ...item,
                state: 'not-covered' as const,
                harmless: false,
                reason: `no backup was made yet; ${item.reason}`,
              },
        )
      : heldBy(found.captures, items, layout);
  const document = {
    format: 'lifeboat.coverage/1',
    capturedAt: layout.capturedAt,
    ...(point === undefined
      ? {}
      : {
          point: {
            id: point.id,
            createdAt: point.createdAt,
            ageSeconds: Math.max(0, Math.round((now.getTime() - Date.parse(point.createdAt)) / 1000)),
            trust: found?.trust,
          },
        }),
    items: held,
    excluded: point?.data.excluded ?? [],
    gaps: [...layout.gaps, ...facts.gaps, ...seen.gaps],
  };
  return { document, missing: held.filter(({ state, harmless }) => state !== 'covered' && !harmless).length };
}
