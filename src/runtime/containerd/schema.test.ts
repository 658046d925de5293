import { expect, test } from 'vitest';
import { parseInfo, parseOverlay, parseTasks } from './schema.ts';

test('tasks of ctr 1.7', () => {
  expect(parseTasks('TASK    PID    STATUS    \n')).toEqual(new Map());
  expect(
    parseTasks('TASK    PID     STATUS    \ncw      1659    RUNNING\nold     0       STOPPED\nodd     7       GONE\n'),
  ).toEqual(
    new Map([
      ['cw', { pid: 1659, state: 'running' }],
      ['old', { pid: 0, state: 'exited' }],
      ['odd', { pid: 7, state: 'unknown' }],
    ]),
  );
  expect(() => parseTasks('')).toThrow('no table');
  expect(() => parseTasks('TASK PID STATUS\ncw RUNNING\n')).toThrow('odd line');
});

test('where a root on overlay lies', () => {
  const place = '/var/lib/containerd/io.containerd.snapshotter.v1.overlayfs/snapshots';
  const said = `mount -t overlay overlay / -o index=off,workdir=${place}/5/work,upperdir=${place}/5/fs,lowerdir=${place}/2/fs:${place}/1/fs\n`;
  expect(parseOverlay(said)).toEqual({ writable: `${place}/5/fs`, layers: [`${place}/2/fs`, `${place}/1/fs`] });
  // Of an image with one layer that nothing has changed yet.
  expect(parseOverlay(`mount -t bind ${place}/1/fs / -o rbind,ro\n`)).toEqual({});
});

test('only what containerd says is not there is gone', () => {
  expect(parseInfo('', 'ctr: container "x" in namespace "default": not found\n')).toBe('gone');
  expect(() =>
    parseInfo('', 'ctr: failed to dial "/run/containerd/containerd.sock": context deadline exceeded\n'),
  ).toThrow('deadline exceeded');
});
