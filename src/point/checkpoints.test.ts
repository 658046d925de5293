import { describe, expect, test } from 'vitest';
import type { Container } from '../runtime/model/container.ts';
import { smallContainer } from '../../test/helpers/small-container.ts';
import { LifeboatError } from '../kernel/errors.ts';
import { type CheckpointRecord, type Checkpoints, checkpointRecordSchema, chosenCheckpoint } from './checkpoints.ts';

const id = (day: number): string => `202611${String(day).padStart(2, '0')}T000000Z-00000${day}`;

function record(
  day: number,
  name: string,
  runtime: Container['runtime'] = 'podman',
  path = '/var/lib/lifeboat/checkpoints/a.tar',
): CheckpointRecord {
  return checkpointRecordSchema.parse({
    format: 'lifeboat.container-point/1',
    id: id(day),
    createdAt: '2026-11-22T00:00:00Z',
    host: 'box',
    container: smallContainer({ runtime, id: `${name}-id`, name }),
    leftRunning: false,
    file: { path, bytes: 1, sha256: '00' },
    data: { engine: 'tar', stored: {}, entries: 1, bytes: 1, storedBytes: 1 },
  });
}

/** In the order given; a number alone is one that cannot be read. */
function arrived(...all: readonly (CheckpointRecord | number)[]): Checkpoints {
  return {
    checkpoints: all.filter((one) => typeof one !== 'number'),
    damaged: all
      .filter((one) => typeof one === 'number')
      .map((day) => ({ id: id(day), error: new LifeboatError('record-damaged', `bad ${day}`) })),
    arrived: all.map((one) => (typeof one === 'number' ? id(one) : one.id)),
  };
}

describe('which checkpoint is meant', () => {
  const [first, second] = [record(1, 'web'), record(2, 'web')];

  test('the last one of a container, or one by its id or the beginning of that', () => {
    const all = arrived(first, second, record(3, 'db'));
    expect(chosenCheckpoint(all, 'web')).toBe(second);
    expect(chosenCheckpoint(all, 'web-id')).toBe(second);
    expect(chosenCheckpoint(all, id(1))).toBe(first);
    expect(chosenCheckpoint(all, id(1).slice(0, 9))).toBe(first);
    expect(() => chosenCheckpoint(all, '202611')).toThrow(/several/);
    expect(() => chosenCheckpoint(all, 'mail')).toThrow(/has no checkpoint "mail"/);
  });

  test('of two runtimes, none', () => {
    expect(() => chosenCheckpoint(arrived(first, record(2, 'web', 'crun')), 'web')).toThrow(/\(podman\), .*\(crun\)/);
  });

  test('not by its name where one that cannot be read came after it', () => {
    expect(() => chosenCheckpoint(arrived(first, 2), 'web')).toThrow(/it may be the last of web/);
    expect(chosenCheckpoint(arrived(first, 2), id(1))).toBe(first);
    expect(chosenCheckpoint(arrived(1, second), 'web')).toBe(second);
  });

  test('what is wrong with one that is meant, or may be', () => {
    const all = arrived(first, 2, 3);
    expect(() => chosenCheckpoint(all, id(3))).toThrow('bad 3');
    expect(() => chosenCheckpoint(all, id(3).slice(0, 9))).toThrow('bad 3');
    expect(() => chosenCheckpoint(all, 'mail')).toThrow('bad 2');
  });
});

test.each(['a.tar', '/a/../../etc/shadow', '/a/', '/', '//a', '/a\0b', '/a/./b'])('a record of %j is none', (path) => {
  expect(() => record(1, 'web', 'podman', path)).toThrow(/absolute path/);
});
