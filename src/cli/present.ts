/** What workflows gave, for people and for scripts. */
import { present } from '../kernel/present.ts';
import { printable } from '../kernel/text.ts';
import { formatBytes } from '../kernel/units.ts';
import { coverageText, exclusionText } from '../point/coverage-text.ts';
import type { Point } from '../point/point.ts';
import { type Removed, typedState } from '../steps/define.ts';
import type { RunOutcome } from '../workflow/runs.ts';
import type { Present } from './finish.ts';
import { describeRecovery } from './recover-text.ts';

/** After `backup`. */
export function describeOutcome({ state }: RunOutcome): ReturnType<Present> {
  const { data, recorded, verified, forgotten, coverage = [] } = typedState(state);
  const uncovered = coverage.filter((item) => item.state !== 'covered');
  return {
    document: {
      point: recorded?.point,
      repository: recorded?.repository,
      data,
      coverage,
      forgotten: forgotten?.points,
    },
    text: () =>
      [
        `Recovery point ${recorded?.point} is in ${recorded?.repository}; ${
          verified === null
            ? 'it was not read back (verify.after is none).'
            : verified?.depth === 'ciphertext'
              ? 'every byte was read back as it was sent (its ciphertext; there is no key here to see more).'
              : 'every byte was read back and is right.'
        }`,
        `  ${data?.entries} entries, ${formatBytes(data?.bytes ?? 0)} of files, ${formatBytes(data?.storedBytes ?? 0)} stored`,
        ...(data?.base === undefined
          ? ['  a full point: it needs no other']
          : [`  builds upon ${data.base}: ${changesText(data.changes)}`]),
        ...(forgotten === undefined || forgotten.points.length === 0
          ? []
          : [`  forgotten by the rules: ${forgotten.points.join(' ')} (${formatBytes(forgotten.bytes)})`]),
        ...(data === undefined || data.excluded.length === 0 ? [] : ['', exclusionText(data.excluded).trimEnd()]),
        ...(uncovered.length === 0 ? [] : ['', 'Not, or not wholly, covered:', coverageText(uncovered)]),
      ].join('\n'),
  };
}

function changesText(changes: Point['data']['changes']): string {
  const { added = 0, changed = 0, removed = 0 } = changes ?? {};
  return `${added} added, ${changed} changed, ${removed} removed`;
}

/** After `restore`. */
export function describeRestore({ state }: RunOutcome): ReturnType<Present> {
  const { restored, point } = typedState(state);
  const { created = 0, replaced = 0, attributes = 0, same = 0, untouched = 0, kept = 0 } = restored ?? {};
  const checked = restored?.reread ? ' and read back from the disk' : '';
  return {
    document: { point: point?.id, ...restored },
    text: () =>
      [
        `Restored point ${point?.id} to ${printable(restored?.directory ?? '')}: ${created} entries created, ${replaced} replaced, ` +
          `${attributes} given their attributes (${formatBytes(restored?.bytes ?? 0)} of files)`,
        ...(kept > 0 ? [`  ${kept} of them were whole from an attempt before`] : []),
        ...(same > 0 ? [`  ${same} were there already, and the same`] : []),
        ...(untouched > 0 ? [`  ${untouched} that the point does not have were left alone`] : []),
        `  checked: the content of each file by its SHA-256 as it was written${checked}; all else on the disk`,
      ].join('\n'),
  };
}

/** After `points verify`. */
export function describeVerification({ state }: RunOutcome): ReturnType<Present> {
  const { verifications = [] } = typedState(state);
  const readBack = verifications.reduce((sum, { storedBytes = 0 }) => sum + storedBytes, 0);
  return {
    document: { verifications },
    text: () =>
      verifications.length === 0
        ? 'No point is due to be verified.'
        : [
            ...verifications.map(({ point, entries, bytes, depth }) => {
              const counts =
                entries === undefined || depth === 'ciphertext'
                  ? ''
                  : `: ${entries} entries, ${formatBytes(bytes ?? 0)} of files`;
              return `Point ${point} is right${counts}${depth === 'content' ? '' : ' (its ciphertext; there is no key here to see more)'}.`;
            }),
            `${formatBytes(readBack)} read back.`,
          ].join('\n'),
  };
}

/** After `points forget`. */
export function describeForgotten({ state }: RunOutcome): ReturnType<Present> {
  const { forgotten, forgetPlan } = typedState(state);
  return {
    document: { forgotten: forgotten?.points, bytes: forgotten?.bytes, kept: forgetPlan?.keep },
    text: () => removedText('Forgotten', forgotten),
  };
}

/** After `points prune`. */
export function describePruned({ state }: RunOutcome): ReturnType<Present> {
  const { pruned, prunePlan } = typedState(state);
  return {
    document: { pruned: pruned?.points, bytes: pruned?.bytes, kept: prunePlan?.keep },
    text: () => removedText('Removed what was left of', pruned),
  };
}

function removedText(what: string, removed: Removed | undefined): string {
  if (removed === undefined || removed.points.length === 0) return 'Nothing had to go.';
  return `${what}: ${removed.points.join(' ')} (${formatBytes(removed.bytes)})`;
}

/** After `points repair`. */
export function describeRepaired({ state }: RunOutcome): ReturnType<Present> {
  const { repaired = [] } = typedState(state);
  return {
    document: { repaired },
    text: () =>
      repaired.length === 0
        ? 'Every point with data is on record; nothing had to be rebuilt.'
        : repaired
            .map(
              ({ id, what, damage }) =>
                `Rebuilt the ${what} of ${id}${damage > 0 ? `; its data is DAMAGED (${damage} findings)` : ''}.`,
            )
            .join('\n'),
  };
}

/** After `container checkpoint` into the repository. */
export function describeCheckpoint({ state }: RunOutcome): ReturnType<Present> {
  const { checkpointFile: file, checkpointData: data, recorded, forgotten } = typedState(state);
  const { container, leftRunning, tcp, withoutMemory } = file ?? {};
  const document = {
    format: 'lifeboat.checkpointed/1',
    point: recorded?.point,
    repository: recorded?.repository,
    container,
    leftRunning,
    ...present({ tcp, withoutMemory }),
    bytes: data?.bytes,
    storedBytes: data?.storedBytes,
    forgotten: forgotten?.points,
  };
  const name = printable(container?.name ?? '');
  const again = withoutMemory === true ? 'was started again, from its beginning' : 'runs on';
  const forgot =
    forgotten === undefined || forgotten.points.length === 0 ? '' : `\nForgotten: ${forgotten.points.join(' ')}`;
  return {
    document,
    text: () =>
      `${name} (${container?.runtime}) is in ${recorded?.repository} as ${recorded?.point}, ${formatBytes(data?.bytes ?? 0)} (${formatBytes(data?.storedBytes ?? 0)} stored), read back and right, and ${leftRunning ? again : 'has ended'}.\nTo make it run again: lifeboat container restore ${recorded?.point}${forgot}`,
  };
}

/** By the name of the workflow, for a run that is resumed. */
export const presentations: Readonly<Record<string, Present | undefined>> = {
  backup: describeOutcome,
  restore: describeRestore,
  verify: describeVerification,
  forget: describeForgotten,
  prune: describePruned,
  repair: describeRepaired,
  recover: describeRecovery,
  checkpoint: describeCheckpoint,
};
