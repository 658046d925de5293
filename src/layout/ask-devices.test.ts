import { expect, test } from 'vitest';
import { asker } from '../host/asker.ts';
import { recordedHost } from '../host/recorded.ts';
import { completed } from './ask-devices.ts';
import type { BlockDevice } from './tools/lsblk.ts';

const device = (name: string): BlockDevice => ({
  number: `8:${name}`,
  name,
  path: `/dev/${name}`,
  type: 'disk',
  parents: [],
  sizeBytes: 1,
  readOnly: false,
  removable: false,
  rotational: false,
});

const blkid = (devices: string, stdout: string, code: number) => ({
  argv: ['blkid', '-p', '-o', 'export', ...devices.split('').map((letter) => `/dev/sd${letter}`)],
  code,
  stdout,
});
const ext4 = (letter: string) => `DEVNAME=/dev/sd${letter}\nTYPE=ext4\n`;

test.each([
  [
    'ends with the first that holds nothing',
    [blkid('abcde', ext4('a'), 2), blkid('cde', ext4('c'), 2), blkid('e', ext4('e'), 0)],
  ],
  ['goes on behind it', [blkid('abcde', [ext4('a'), ext4('c'), ext4('e')].join('\n'), 0)]],
])('a blkid that %s', async (_, commands) => {
  const questions = asker(recordedHost({ commands }), new AbortController().signal);
  const found = await completed(questions, ['sda', 'sdb', 'sdc', 'sdd', 'sde'].map(device), { inner: () => false });
  expect(found.map(({ fstype }) => fstype)).toEqual(['ext4', undefined, 'ext4', undefined, 'ext4']);
  expect(questions.gaps).toEqual([]);
});
