/** `rescue boot`: media that start by each firmware and from what they are put into, and media that are broken, of which it tells what is wrong. */
import { closeSync, copyFileSync, openSync, readFileSync, truncateSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { FirmwareKind } from '../../../src/machine/firmware.ts';
import type { BootFormat } from '../../../src/media/boot-machine.ts';
import { type BootResult, testBoot } from '../../../src/media/boot-test.ts';
import { ofToday } from '../../helpers/suite.ts';
import { temporaryDirectory } from '../../helpers/temporary.ts';
import { labEmulation } from '../prepared.ts';
import { type LabMedium, rescueMedium } from '../rescue.ts';

interface Scene {
  readonly name: string;
  readonly firmware: FirmwareKind;
  readonly format: BootFormat;
  /** Of the medium that is made. @default as `format` */
  readonly made?: string;
  /** What is done to a copy of the image before it is started. */
  readonly spoil?: (image: string, medium: LabMedium) => void;
  /** What is told then. */
  readonly problem?: RegExp;
}

const scenes: readonly Scene[] = [
  { name: 'a CD, started only as it is signed', firmware: 'secure', format: 'iso' },
  { name: 'a stick with the image of a CD', firmware: 'bios', format: 'usb', made: 'iso' },
  { name: 'a stick by UEFI', firmware: 'uefi', format: 'usb' },
  { name: 'the network by BIOS', firmware: 'bios', format: 'pxe' },
  {
    name: 'an image cut off',
    firmware: 'bios',
    format: 'iso',
    spoil: (image) => truncateSync(image, 12 << 20),
    problem: /read or write outside of disk|you need to load the kernel first|not found/,
  },
  {
    name: 'files of another medium',
    firmware: 'bios',
    format: 'iso',
    spoil: (image, { medium }) => replaceIn(image, `"id": "${medium.id}"`, `"id": "${'0'.repeat(16)}"`),
    problem: /the medium [0-9a-f]{16} was not found/,
  },
  {
    name: 'one byte of another value',
    firmware: 'bios',
    format: 'iso',
    spoil: spoilByte,
    problem: /content: base\.squashfs is not what it was/,
  },
];

test.each(ofToday(scenes, new Date()))('$name', { timeout: 3_600_000 }, async (scene) => {
  const { signal } = new AbortController();
  const { firmware, format, made = format, spoil, problem } = scene;
  const medium = await rescueMedium({ format: made, words: ['lifeboat.wait=5'] });
  await using work = await temporaryDirectory();
  let image = medium.file;
  if (spoil !== undefined) {
    image = join(work.path, 'image');
    copyFileSync(medium.file, image);
    spoil(image, medium);
  }
  const output = join(work.path, 'output');
  const request = { image, format, firmware, memoryMiB: 1024, limitMs: 3_000_000, output };
  const result: BootResult = await testBoot(request, await labEmulation(signal), signal);
  if (problem === undefined) {
    expect(result.problem).toBeUndefined();
    expect(result).toMatchObject({ passed: true, inside: { medium: { id: medium.medium.id } } });
    expect(result.menu?.cpuSeconds).toBeGreaterThan(0);
  } else {
    expect(result.passed).toBe(false);
    expect(result.problem).toMatch(problem);
  }
  expect(readFileSync(join(output, 'serial.log'), 'utf8').length).toBeGreaterThan(0);
});

/** Text of the same length in place of one that lies in a file once in plain words. */
function replaceIn(file: string, from: string, to: string): void {
  const at = readFileSync(file).indexOf(from);
  expect(at).toBeGreaterThan(0);
  patch(file, at, Buffer.from(to));
}

/** In the last part of the base, of which nothing is read to start. */
function spoilByte(file: string): void {
  const image = readFileSync(file);
  const start = image.indexOf('hsqs');
  const bytes = Number(image.readBigUInt64LE(start + 40));
  const at = start + Math.floor(bytes / 2);
  patch(file, at, Buffer.from([(image[at] ?? 0) ^ 0xff]));
}

function patch(file: string, at: number, bytes: Uint8Array): void {
  const handle = openSync(file, 'r+');
  try {
    writeSync(handle, bytes, 0, bytes.length, at);
  } finally {
    closeSync(handle);
  }
}
