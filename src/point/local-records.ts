/**
 * Copies of the records that this host has made, in its state directory, where only root can read them. They tell a host that
 * cannot read its repository what it can build upon, and any host that a list of its points lacks one.
 */
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { makeDirectory, writeFileAtomic } from '../kernel/atomic-write.ts';
import { explaining, hasErrno } from '../kernel/errors.ts';
import { documentBytes } from './envelope.ts';
import { type Point, POINT_FORMAT, pointSchema } from './point.ts';
import { isUnreadable, parseRecord } from './record-objects.ts';

export interface LocalRecords {
  /** Where they are. */
  readonly folder: string;
  /** By their ids; copies that cannot be read are left out. */
  list(): Promise<Point[]>;
  put(point: Point): Promise<void>;
  remove(id: string): Promise<void>;
}

/** @param repository id of the repository, as its marker has it */
export function localRecords(stateDir: string, repository: string, host: string): LocalRecords {
  const folder = join(stateDir, 'records', repository, host);
  const pathOf = (id: string) => join(folder, `${id}.json`);
  return {
    folder,
    async list() {
      const names = await readdir(folder).catch((error: unknown) => {
        if (hasErrno(error, 'ENOENT') || hasErrno(error, 'EACCES')) return [];
        throw error;
      });
      const points: Point[] = [];
      for (const name of names.filter((one) => /^[^.].*\.json$/.test(one)).sort()) {
        const path = join(folder, name);
        const bytes = await explaining(`read ${path}`, async () => await readFile(path));
        try {
          points.push(parseRecord(bytes, pointSchema, POINT_FORMAT, path));
        } catch (error) {
          if (!isUnreadable(error)) throw error;
        }
      }
      return points;
    },
    async put(point) {
      await explaining(`create ${folder}`, async () => await makeDirectory(folder, 0o700));
      await writeFileAtomic(pathOf(point.id), documentBytes(point));
    },
    async remove(id) {
      await explaining(`remove ${pathOf(id)}`, async () => await rm(pathOf(id), { force: true }));
    },
  };
}
