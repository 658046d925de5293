/** `restore --in-place` of a running system: this machine's, with everything that is written kept in a layer of its own. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { expect, test } from 'vitest';
import { root as checkout } from '../helpers/cli.ts';
import { layeredArgv, layerObstacle } from '../helpers/layered-root.ts';
import { temporaryDirectory } from '../helpers/temporary.ts';

test('in place: what differs is replaced under a program that has it open, and the root stays as it is', async ({
  skip,
}) => {
  const why = layerObstacle();
  if (why !== undefined) return skip(why);
  await using directory = await temporaryDirectory();
  const script = `set -e
    cd /; lifeboat() { "${process.execPath}" "${checkout}/bin/lifeboat.js" --config /srv/c/lifeboat.yaml --state-dir /srv/state "$@"; }
    mkdir -p /srv/c /srv/repository /srv/app/conf
    echo one >/srv/app/conf/a; echo two >/srv/app/b; ln /srv/app/b /srv/app/c; chmod 640 /srv/app/b
    lifeboat --quiet init --no-encryption --repository file:///srv/repository --include /srv/app >/dev/null 2>&1
    lifeboat --quiet backup >/dev/null || test $? = 4
    ls -ldn --time-style=+ / >/srv/root-before
    echo changed >/srv/app/conf/a; rm /srv/app/b; echo more >/srv/app/mine
    exec 5</srv/app/conf/a
    lifeboat --quiet restore latest --in-place && exit 90; test $? = 5
    digest=$(lifeboat --json restore latest --in-place --dry-run | sed -n 's/.*"digest": "\\(.*\\)".*/\\1/p')
    lifeboat --quiet restore latest --in-place --yes=$digest
    cat <&5; cat /srv/app/conf/a /srv/app/b /srv/app/mine; stat -c '%h %a' /srv/app/b /srv/app/c
    ls -ldn --time-style=+ / | cmp - /srv/root-before; ls -A / | grep lifeboat || true`;
  const [program, ...args] = layeredArgv(directory.path, script);
  const ended = spawnSync(program, args, {
    encoding: 'utf8',
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', HOME: '/' },
  });
  expect({ status: ended.status, stderr: ended.status === 0 ? '' : ended.stderr }).toEqual({ status: 0, stderr: '' });
  expect(ended.stdout.slice(ended.stdout.indexOf('changed'))).toBe('changed\none\ntwo\nmore\n2 640\n2 640\n');
  expect(existsSync('/srv/app/mine')).toBe(false);
});
