import { expect, test } from 'vitest';
import { machine } from '../../test/helpers/machines.ts';
import type { Host } from '../host/host.ts';
import { recordedHost } from '../host/recorded.ts';
import { LifeboatError } from '../kernel/errors.ts';
import { capturePatiently } from './capture-patiently.ts';
import { findmntArgv } from './tools/findmnt.ts';

/** A machine so slow that it does not answer this often what is mounted. */
function slow(times: number): { readonly host: Host; readonly asked: () => number } {
  const host = recordedHost(machine('debian12'));
  let asked = 0;
  const run: Host['run'] = async (argv, options, signal) => {
    if (argv === findmntArgv) {
      asked += 1;
      if (asked <= times) throw new LifeboatError('command-timeout', 'findmnt did not end within 15 s');
    }
    return await host.run(argv, options, signal);
  };
  return {
    host: {
      name: host.name,
      run,
      stream: host.stream,
      read: host.read,
      write: host.write,
      [Symbol.asyncDispose]: async () => await host[Symbol.asyncDispose](),
    },
    asked: () => asked,
  };
}

test('what a slow machine did not answer is asked again', async ({ signal }) => {
  const { host, asked } = slow(1);
  const layout = await capturePatiently(host, signal);
  expect(layout.components.some(({ kind }) => kind === 'mount')).toBe(true);
  expect(asked()).toBe(2);
});

test('but not for ever, and then it is named', async ({ signal }) => {
  const { host, asked } = slow(100);
  await expect(capturePatiently(host, signal)).rejects.toMatchObject({
    code: 'refused',
    message: expect.stringContaining('findmnt: '),
  });
  expect(asked()).toBe(3);
});
