/** What became of a recovery: the document `lifeboat.recovery/1`, and the text for a person. */
import { printable } from '../kernel/text.ts';
import { formatBytes } from '../kernel/units.ts';
import type { Proof } from '../prove/proof.ts';
import { typedState } from '../steps/define.ts';
import type { RunOutcome } from '../workflow/runs.ts';
import type { Present } from './finish.ts';

const shown = 20;

export function describeRecovery({ state }: RunOutcome): ReturnType<Present> {
  const {
    point,
    config,
    agreedPlan,
    layoutPlan,
    phases = [],
    tried,
    restored,
    finished,
    proof,
    recovered,
    newRoot,
  } = typedState(state);
  const document = {
    format: 'lifeboat.recovery/1',
    point: point?.id,
    host: point?.host.name,
    repository: config?.repository,
    plan: agreedPlan,
    disks: layoutPlan?.disks.map(({ id, device, from }) => ({ id, device, from })),
    phases,
    tried,
    restored,
    finalized: finished?.done,
    changed: finished?.changed,
    proof,
    result: proof?.result ?? 'unproven',
    attested: recovered?.attested,
    root: newRoot?.root,
    next: recovered?.next,
  };
  return {
    document,
    text: () =>
      [
        `${headline(proof)} ${point?.host.name ?? ''} of ${point?.createdAt ?? ''} (point ${point?.id ?? ''})`,
        `  ${restored?.created ?? 0} entries brought back, ${formatBytes(restored?.bytes ?? 0)} of files`,
        ...(finished === undefined || finished.done.length === 0
          ? []
          : ['', 'Brought to this machine:', ...finished.done.map((title) => `  ${title}`)]),
        ...(proof === undefined || proof === null ? [] : ['', ...proofLines(proof)]),
        '',
        `Took ${phases.map(({ name, seconds }) => `${name} ${seconds} s`).join(', ')}`,
        ...(recovered?.attested === 'kept'
          ? ['The result waits on the new disk: the first backup takes it to the repository.']
          : []),
        recovered?.next ?? '',
      ]
        .map(printable)
        .join('\n'),
  };
}

function headline(proof: Proof | null | undefined): string {
  switch (proof?.result) {
    case 'passed':
      return 'Recovered, and proven equal to its point:';
    case 'sampled':
      return 'Recovered, and proven by sample only:';
    case 'failed':
      return 'NOT proven, and not to be relied on:';
    case undefined:
      return 'Done, and nothing proven:';
  }
}

function proofLines({ files, graph, boot, mounts, notes }: Proof): string[] {
  const wrong = [
    ...files.missing.map((path) => `${path}: is missing`),
    ...files.different.map(({ path, differences }) => `${path}: ${differences.join('; ')}`),
    ...graph.map(({ text }) => text),
    ...[...boot, ...mounts].map(({ subject, problem }) => `${subject}: ${problem}`),
  ];
  const more = wrong.length > shown ? [`  … and ${wrong.length - shown} more (--json lists them)`] : [];
  return [
    `Proven: ${files.total} entries; the content of ${files.checked} of ${files.files} files (${formatBytes(files.bytes)}) read back`,
    ...notes.map((note) => `  ${note}`),
    ...wrong.slice(0, shown).map((line) => `  ! ${line}`),
    ...more,
  ];
}
