/** Lists of points, and plans for them, for a person. */
import { printable } from '../kernel/text.ts';
import { formatBytes, formatDuration } from '../kernel/units.ts';
import type { ForgetPlan, PlannedPoint } from '../point/forget.ts';
import type { Missing } from '../point/missing.ts';
import type { Recovered, Trust } from '../point/point.ts';
import type { Leftover, PrunePlan } from '../point/prune.ts';
import type { Found } from '../point/record-objects.ts';
import type { RepairPlan } from '../point/repair.ts';
import type { ListedPoint, PointList } from '../point/records.ts';
import { table } from './output.ts';

const trustText: Readonly<Record<Trust, string>> = {
  stored: 'stored, never read back',
  'read-back': 'read back, right',
  recovered: 'recovered, proven',
  damaged: 'DAMAGED',
};

/** @param odd by id, why dates cannot be right */
export function pointTable(
  { points, damaged, unknown = [] }: PointList,
  odd: ReadonlyMap<string, string>,
  findings: readonly Missing[],
): string {
  const rows = points.map((one) => [
    one.point.id,
    new Date(one.arrivedMs).toISOString().slice(0, 19).replace('T', ' '),
    one.point.data.entries,
    formatBytes(one.point.data.bytes),
    formatBytes(one.point.data.storedBytes),
    verifiedText(one),
    recoveredText(one),
    marks(one, odd.get(one.point.id)).join('; '),
  ]);
  const header = ['point', 'arrived (UTC)', 'entries', 'files', 'stored', 'verified', 'last drill', ''];
  const list = rows.length === 0 ? 'No points yet.' : table(header, rows);
  const bad = damaged.map(({ key, error }) => `  ! ${printable(key)}: ${printable(error.message)}`);
  const whole = bad.length === 0 ? list : `${list}\n\nRecords that cannot be used:\n${bad.join('\n')}`;
  const later = `${unknown.length} ${unknown.length === 1 ? 'attestation is' : 'attestations are'} of a kind that a later version of lifeboat knows, and passed over.`;
  return withFindings(unknown.length === 0 ? whole : `${whole}\n\n${later}`, findings);
}

function withFindings(list: string, findings: readonly Missing[]): string {
  if (findings.length === 0) return list;
  const lines = findings.map(
    ({ subject, problem, hint }) => `  ! ${printable(subject)}: ${printable(problem)}\n    next: ${printable(hint)}`,
  );
  return `${list}\n\nFindings:\n${lines.join('\n')}`;
}

const neededText = 'what it builds upon';

export function verifiedText({ trust, verification, recovered }: ListedPoint): string {
  if (trust === 'recovered' && recovered !== undefined) return `${trustText[trust]} (${recovered.at.slice(0, 10)})`;
  if (verification !== undefined && verification.result === 'passed' && trust !== 'read-back')
    return trust === 'damaged' ? `DAMAGED: ${neededText}` : `read back, but not ${neededText}`;
  if (verification === undefined || trust !== 'read-back') return trustText[trust];
  const depth = verification.depth === 'ciphertext' ? ', ciphertext only' : '';
  return `${trustText[trust]}${depth} (${verification.at.slice(0, 10)})`;
}

/** How it went when it was last recovered, for a test or in earnest, and how long that took. */
export function recoveredText({ recovered, restored }: Pick<ListedPoint, 'recovered' | 'restored'>): string {
  return [recovered, restored].flatMap((one) => (one === undefined ? [] : [wentText(one)])).join('; ');
}

function wentText(recovered: Recovered): string {
  const { how, what, result, at, seconds } = recovered;
  const name = how === 'recover' ? 'recovered: ' : what === 'files' ? 'files: ' : '';
  const day = at.slice(0, 10);
  if (result === 'failed') return `${name}FAILED (${day})`;
  const took = what === 'files' || seconds === undefined ? '' : `, RTO ${formatDuration(seconds * 1000)}`;
  const results = { passed: 'passed', sampled: 'passed by sample', unchecked: 'not all looked at' };
  return `${name}${results[result]}${took} (${day})`;
}

function marks({ point, pin }: ListedPoint, odd: string | undefined): string[] {
  return [
    ...(point.data.base === undefined ? [] : [`upon ${point.data.base}`]),
    ...(pin === undefined ? [] : [`pinned: ${pin.reason}`]),
    ...(odd === undefined ? [] : [odd]),
    ...(point.rebuilt === undefined ? [] : ['record rebuilt']),
  ];
}

/** On a host that cannot read its records. */
export function sealedTable(found: readonly (Found & { readonly id: string })[], findings: readonly Missing[]): string {
  const rows = found.map(({ id, mtimeMs, size }) => [id, new Date(mtimeMs).toISOString(), formatBytes(size)]);
  const list = rows.length === 0 ? 'No points yet.' : table(['point', 'arrived', 'record'], rows);
  return withFindings(
    `${list}\n\nThis host stores points and cannot read them: whether they are right is known where the recovery code is.`,
    findings,
  );
}

/** What goes, what stays, and why. */
export function forgetTable({ keep, forget, unusable }: ForgetPlan): string {
  const row = (what: string, { id, arrivedAt, bytes, trust, why }: PlannedPoint) => [
    what,
    id,
    arrivedAt.slice(0, 19).replace('T', ' '),
    formatBytes(bytes),
    trustText[trust],
    why.join('; '),
  ];
  const rows = [...forget.map((one) => row('forget', one)), ...keep.map((one) => row('keep', one))].sort((a, b) =>
    (a[2] ?? '') < (b[2] ?? '') ? -1 : 1,
  );
  const freed = formatBytes(forget.reduce((sum, { bytes }) => sum + bytes, 0));
  return [
    rows.length === 0 ? 'No points.' : table(['', 'point', 'arrived (UTC)', 'size', 'verified', 'why'], rows),
    '',
    `${forget.length} to be forgotten, ${keep.length} kept; ${freed} to be freed.`,
    ...unusable.map(({ key, problem }) => `  ! stays as it is: ${printable(key)}: ${printable(problem)}`),
  ].join('\n');
}

export function pruneTable({ remove, keep }: PrunePlan): string {
  const row = (what: string, { id, objects, bytes, newest, why }: Leftover) => [
    what,
    id,
    objects,
    formatBytes(bytes),
    newest.slice(0, 19).replace('T', ' '),
    why,
  ];
  const rows = [...remove.map((one) => row('remove', one)), ...keep.map((one) => row('keep', one))];
  if (rows.length === 0) return 'Every object belongs to a point on record.';
  const freed = formatBytes(remove.reduce((sum, { bytes }) => sum + bytes, 0));
  return `${table(['', 'left of', 'objects', 'size', 'newest (UTC)', 'why'], rows)}\n\n${freed} to be freed.`;
}

export function repairTable({ rebuild, hopeless }: RepairPlan): string {
  const rows = rebuild.map(({ id, what, why }) => [id, what, printable(why)]);
  return [
    rows.length === 0 ? 'Nothing is rebuilt.' : table(['point', 'to be rebuilt', 'why'], rows),
    ...hopeless.map(({ id, problem }) => `  ! cannot be rebuilt: ${id}: ${printable(problem)}`),
  ].join('\n');
}
