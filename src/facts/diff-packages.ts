/** What has changed of the installed packages: up to a number one by one, above that counted. */
import type { Risk } from '../kernel/change.ts';
import { type FactsChange, unseen } from './diff-sets.ts';
import { type Manager, managers, type Package } from './packages.ts';
import type { Facts } from './types.ts';

const oneByOne = 20;
const namedFirst = 5;

interface Difference {
  readonly subject: string;
  /** For the count. */
  readonly short: string;
  readonly text: string;
}

export function packageChanges(before: Facts, after: Facts): FactsChange[] {
  return managers.flatMap((manager) => {
    if (unseen(before, `${manager} packages`, 'packages') || unseen(after, `${manager} packages`, 'packages'))
      return [];
    const [old, now] = [before.packages[manager] ?? [], after.packages[manager] ?? []];
    if (typeof old !== 'number' && typeof now !== 'number') return listChanges(manager, old, now);
    // A capture from before lifeboat kept the list.
    const [was, is] = [old, now].map((list) => (typeof list === 'number' ? list : list.length));
    if (was === is) return [];
    const text = `packages of ${manager} were ${was}, are ${is}`;
    return [{ subject: `packages of ${manager}`, change: 'changed' as const, risk: 'appearance' as const, text }];
  });
}

/** Of several versions of one package side by side, such as kernels of rpm, each counts. */
function byName(packages: readonly Package[]): Map<string, Package & { readonly versions: string }> {
  const found = new Map<string, Package & { versions: string }>();
  for (const item of packages) {
    const key = `${item.name} ${item.arch}`;
    const known = found.get(key);
    found.set(key, { ...item, versions: known === undefined ? item.version : `${known.versions} and ${item.version}` });
  }
  return found;
}

function listChanges(manager: Manager, before: readonly Package[], after: readonly Package[]): FactsChange[] {
  const [old, now] = [byName(before), byName(after)];
  const asked: Difference[] = [];
  const came: Difference[] = [];
  const gone: Difference[] = [];
  const other: Difference[] = [];
  const broken: Difference[] = [];
  for (const [key, { name, versions, reason, state }] of now) {
    const was = old.get(key);
    const subject = `package ${name}`;
    if (was === undefined) {
      const text = `package ${name} ${versions} is installed now`;
      // What came along with others comes again when these are installed.
      (reason === 'automatic' ? came : asked).push({ subject, short: name, text });
      continue;
    }
    if (was.versions !== versions) {
      const text = `package ${name} was ${was.versions}, is ${versions}`;
      other.push({ subject, short: name, text });
    }
    if (was.state !== state) {
      const text = `package ${name} was ${was.state ?? 'installed'}, is ${state ?? 'installed'}`;
      broken.push({ subject, short: name, text });
    }
  }
  for (const [key, { name, versions }] of old) {
    if (now.has(key)) continue;
    gone.push({
      subject: `package ${name}`,
      short: name,
      text: `package ${name} ${versions} is not installed any more`,
    });
  }
  return [
    ...told(manager, asked, 'added', 'data', 'installed now'),
    ...told(manager, came, 'added', 'appearance', 'installed now, because others need them'),
    ...told(manager, gone, 'removed', 'appearance', 'not installed any more'),
    ...told(manager, other, 'changed', 'appearance', 'of another version now'),
    ...told(manager, broken, 'changed', 'appearance', 'in another state of installation'),
  ];
}

function told(
  manager: Manager,
  differences: readonly Difference[],
  change: FactsChange['change'],
  risk: Risk,
  what: string,
): FactsChange[] {
  if (differences.length <= oneByOne) {
    return differences.map(({ subject, text }) => ({ subject, change, risk, text }));
  }
  const first = differences.slice(0, namedFirst).map(({ short }) => short);
  const text = `${differences.length} packages of ${manager} are ${what}: ${first.join(', ')} and ${differences.length - namedFirst} more`;
  return [{ subject: `packages of ${manager}`, change, risk, text, items: differences.map((item) => item.text) }];
}
