/** Points as far as this host can know of them: by their records, or by its own copies of those that it cannot read. */
import { LifeboatError } from '../kernel/errors.ts';
import { certain, findPoint } from './find.ts';
import type { LocalRecords } from './local-records.ts';
import { nameIn } from './names.ts';
import { listFolder, type Repository } from './record-objects.ts';
import { cannotRead, listed, listPoints, type ListedPoint, type PointList, withTrust } from './records.ts';

/** As `listPoints`; on a host that only stores, what it recorded itself and is still there. */
export async function knownPoints(
  repository: Repository,
  host: string,
  local: LocalRecords,
  signal: AbortSignal,
): Promise<PointList> {
  if (!cannotRead(repository)) return await listPoints(repository, host, signal);
  const own = new Map((await local.list()).map((point) => [point.id, point]));
  const points = (await listFolder(repository.target, host, 'points', signal)).flatMap(({ key, mtimeMs }) => {
    const point = own.get(nameIn(host, 'points', key) ?? '');
    return point === undefined ? [] : [listed(point, key, mtimeMs)];
  });
  const byId = new Map(points.map((one) => [one.point.id, one]));
  return { points: points.map((one) => withTrust(one, byId)), damaged: [] };
}

/** As `findPoint`, among the known. @throws LifeboatError `not-found`, `usage`, `record-damaged`, … */
export async function findKnown(
  repository: Repository,
  host: string,
  local: LocalRecords,
  name: string,
  signal: AbortSignal,
): Promise<ListedPoint> {
  if (!cannotRead(repository)) return await findPoint(repository, host, name, signal);
  const { points } = await knownPoints(repository, host, local, signal);
  const found = name === 'latest' ? points.slice(-1) : points.filter(({ point }) => point.id.startsWith(name));
  const [one, other] = found.filter(({ point }) => point.id === name).concat(found);
  if (one === undefined || (other !== undefined && other !== one && one.point.id !== name)) {
    throw new LifeboatError('not-found', `no single point that this host knows of is ${JSON.stringify(name)}`, {
      hint: 'It cannot read its records, and knows of those points that it made itself. See lifeboat points list.',
    });
  }
  return name === 'latest'
    ? certain(
        one,
        points.map(({ point }) => point.id),
      )
    : one;
}
