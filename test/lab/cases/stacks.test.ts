/** Every stack, made by the tools of every release, is captured whole: all its disks, and all that the kernel made of them. */
import { expect, test } from 'vitest';
import { captureLayout } from '../../../src/layout/capture.ts';
import { parseLayout } from '../../../src/layout/types.ts';
import { startLab } from '../lab.ts';
import { labOptions, makeStack, scenes } from '../stack.ts';

const { signal } = new AbortController();

/** Of a volume of LVM, which is captured with it. */
const part =
  /_(?:[rm]image_\d+|rmeta_\d+|mlog|[tc]data|[tc]meta|w?corig|cvol)$|-(?:tpool|real|cow|cdata|cmeta|missing_\d+_\d+)$/;

test.each(scenes(''))('$stack.name $release', { timeout: 900_000 }, async ({ release, stack }) => {
  await using lab = await startLab(labOptions(stack, release), signal);
  await makeStack(stack, lab, signal);
  const layout = parseLayout(await captureLayout(lab.host, new Date(), signal));
  const serials = layout.components.flatMap((one) => (one.kind === 'disk' ? (one.serial ?? []) : []));
  // What a script makes besides has numbers of its own.
  expect(serials).toEqual(expect.arrayContaining(stack.disks.map(({ serial }) => serial)));
  const { stdout } = await lab.host.run(['lsblk', '-nro', 'PATH'], {}, signal);
  const captured = new Set(layout.components.flatMap((one) => ('device' in one ? (one.device ?? []) : [])));
  const paths = stdout.toString().trim().split('\n');
  for (const path of paths.filter((one) => !part.test(one))) expect(captured).toContain(path);
});
