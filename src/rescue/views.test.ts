import { expect, test } from 'vitest';
import { type Node, nodesInViews } from './views.ts';

const node = (path: string, type: string, ...children: Node[]): Node => ({
  path,
  name: path.split('/').at(-1) ?? '',
  type,
  children,
});

test('what stands on views, each once, without what the kernel finds by itself', () => {
  const view = node('/dev/mapper/lifeboat-view-md0', 'dm', node('/dev/mapper/lifeboat-view-md0-part1', 'part'));
  const array = node('/dev/md0', 'raid1', view, node('/dev/md0p1', 'part'));
  const disk = (letter: string): Node =>
    node(
      `/dev/sd${letter}`,
      'disk',
      node(`/dev/sd${letter}1`, 'part'),
      node(
        `/dev/mapper/lifeboat-view-sd${letter}`,
        'dm',
        node(`/dev/mapper/lifeboat-view-sd${letter}-part1`, 'part', array),
      ),
    );
  const found = nodesInViews([disk('a'), disk('b'), node('/dev/sdc', 'disk', node('/dev/sdc1', 'part'))]);
  expect(found.map(({ name, children = [] }) => `${name} ${children.length}`)).toEqual([
    'lifeboat-view-sda 1',
    'lifeboat-view-sda-part1 1',
    'md0 1',
    'lifeboat-view-md0 1',
    'lifeboat-view-md0-part1 0',
    'lifeboat-view-sdb 1',
    'lifeboat-view-sdb-part1 1',
  ]);
});
