import { expect, test } from 'vitest';
import { layoutOf, mount } from '../../test/helpers/small-layout.ts';
import type { Host } from '../host/host.ts';
import { localHost } from '../host/local.ts';
import { unmountEarlier, withoutEarlier } from './new-root.ts';

/** One on which `/dev/sdx1` is mounted at the place until somebody unmounts it. */
function madeHost(local: Host, isOurs: boolean) {
  let isMounted = true;
  const ran: string[] = [];
  const said = (code: number, text = '') => ({ code, stdout: Buffer.from(text), stderr: '' });
  const host: Host = {
    ...local,
    run: async ([program]) => {
      ran.push(program);
      if (program === 'umount') isMounted = false;
      if (program === 'test') return await Promise.resolve(said(isOurs ? 0 : 1));
      return await Promise.resolve(said(0, isMounted ? '/dev/sdx1\n' : ''));
    },
  };
  return { host, ran };
}

test('what an attempt has mounted is let go of; what somebody else has stays', async ({ signal }) => {
  await using local = localHost();
  const own = madeHost(local, true);
  await unmountEarlier('/mnt/recovered', own.host, signal);
  expect(own.ran).toContain('umount');
  const foreign = madeHost(local, false);
  await expect(unmountEarlier('/srv', foreign.host, signal)).rejects.toMatchObject({
    code: 'refused',
    message: '/dev/sdx1 is mounted at /srv, and by no recovery',
  });
  expect(foreign.ran).not.toContain('umount');
});

test('for a look it is as if that were let go of already', async ({ signal }) => {
  await using local = localHost();
  const layout = layoutOf(mount('/mnt/recovered'), mount('/mnt/recovered/boot/efi'), mount('/mnt/recovered2'));
  const mounted = async (isOurs: boolean) =>
    (await withoutEarlier(layout, '/mnt/recovered', madeHost(local, isOurs).host, signal)).components.map(
      ({ id }) => id,
    );
  expect(await mounted(true)).toEqual(['mount:/mnt/recovered2']);
  expect(await mounted(false)).toHaveLength(3);
});
