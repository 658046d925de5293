import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { temporaryDirectory } from '../../test/helpers/temporary.ts';
import { localHost } from '../host/local.ts';
import { type DestinationOptions, destinationOf, formatOptions } from './rescue-destination.ts';
import type { EmbeddingOptions } from './rescue-files.ts';

const session = { host: localHost(), signal: new AbortController().signal };

describe('where a medium goes', () => {
  test.each<[string, DestinationOptions & Partial<EmbeddingOptions>, RegExp]>([
    ['nowhere', { format: 'iso' }, /where to write it to/],
    ['to two places', { format: 'usb', output: '/tmp/none', device: 'S1' }, /where to write it to/],
    ['as a format that there is not', { format: 'floppy', output: '/tmp/none' }, /no format floppy/],
    ['to a stick as another format', { format: 'iso', device: 'S1' }, /--device does not go with the format iso/],
    ['below another root as another format', { format: 'raw', root: '/mnt' }, /--root does not go/],
    ['started by what only disks have', { format: 'pxe', output: '/tmp/none', loader: 'extlinux' }, /--loader does/],
    ['by HTTP as a file', { format: 'iso', output: '/tmp/none', address: 'http://server' }, /--address does not go/],
    ['with room on a stick, which has all of it', { format: 'usb', device: 'S1', room: '1G' }, /--room is for images/],
    ['into a file of GRUB', { format: 'grub', output: '/tmp/none' }, /below --root/],
    [
      'to all who ask, with a secret',
      { format: 'pxe', output: '/tmp/none', rootPassword: true },
      /no secret goes onto/,
    ],
  ])('not %s', async (_where, options, message) => {
    await expect(destinationOf(options, session)).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringMatching(message),
    });
  });

  test('to a file, and into the menu of a system', async () => {
    await using directory = await temporaryDirectory();
    const output = join(directory.path, 'rescue.img');
    const raw = await destinationOf({ format: 'raw', output, loader: 'extlinux' }, session);
    expect(raw).toMatchObject({ kind: 'path', path: output, format: { name: 'raw' } });
    expect(await destinationOf({ format: 'grub' }, session)).toMatchObject({ kind: 'grub', root: '/' });
    expect(await destinationOf({ format: 'grub', root: '/mnt' }, session)).toMatchObject({
      kind: 'grub',
      root: '/mnt',
    });
  });
});

test('what only some formats take', () => {
  expect(formatOptions({ format: 'iso' })).toEqual({});
  expect(formatOptions({ format: 'usb', room: '2G', loader: 'extlinux' })).toEqual({
    room: 2 * 1024 ** 3,
    loader: 'extlinux',
  });
  expect(formatOptions({ format: 'pxe', address: 'http://192.0.2.1/rescue' })).toEqual({
    address: 'http://192.0.2.1/rescue',
  });
  expect(() => formatOptions({ format: 'usb', loader: 'lilo' })).toThrow(/no loader lilo/);
  expect(() => formatOptions({ format: 'pxe', address: 'https://server' })).toThrow(/no address of an HTTP server/);
});
