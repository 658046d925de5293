import { expect, test } from 'vitest';
import { smallContainer } from '../../../test/helpers/small-container.ts';
import { createCommand } from './create-command.ts';

function of(command: readonly string[], args: readonly string[], reference = 'docker.io/library/nginx:1.27') {
  const made = smallContainer({
    image: { reference, id: 'abc' },
    process: { args: [...args] },
    definedBy: [{ kind: 'command', paths: [], command: [...command] }],
  });
  return createCommand(made, 'other');
}

test.each([
  [
    ['podman', 'run', '-d', '--name', 'web', '-p', '80:80', 'nginx:1.27'],
    ['/docker-entrypoint.sh', 'nginx', '-g', 'daemon off;'],
    ['podman', 'create', '--name=other', '--pull=never', '-p', '80:80', 'abc'],
  ],
  [
    [
      '/usr/bin/podman',
      '--log-level=info',
      'container',
      'run',
      '--name=web',
      '-dit',
      '--rm',
      '--cidfile',
      '/run/c',
      'nginx:1.27',
      'sh',
      '-c',
      '--name x',
    ],
    ['/docker-entrypoint.sh', 'sh', '-c', '--name x'],
    ['podman', 'create', '--name=other', '--pull=never', '-it', 'abc', 'sh', '-c', '--name x'],
  ],
  [
    // The name of an image as the value of an option is no image.
    ['podman', 'create', '-e', 'FROM=nginx:1.27', '--label', 'nginx:1.27', 'docker.io/library/nginx:1.27', 'nginx'],
    ['nginx'],
    [
      'podman',
      'create',
      '--name=other',
      '--pull=never',
      '-e',
      'FROM=nginx:1.27',
      '--label',
      'nginx:1.27',
      'abc',
      'nginx',
    ],
  ],
])('%j', (command, args, expected) => {
  expect(of(command, args)).toEqual(expected);
});

test('an image without a tag is that of the tag latest', () => {
  const command = ['podman', 'run', 'localhost/bb', 'sleep', '9'];
  expect(of(command, ['sleep', '9'], 'localhost/bb:latest')?.slice(-3)).toEqual(['abc', 'sleep', '9']);
});

test('the pod that it was made with is not made again', () => {
  const command = ['podman', 'run', '-d', '--pod', 'new:shop', '--restart=always', 'nginx:1.27'];
  const made = smallContainer({
    image: { reference: 'docker.io/library/nginx:1.27', id: 'abc' },
    definedBy: [{ kind: 'command', paths: [], command }],
  });
  expect(createCommand(made, 'web', 'shop')).toEqual([
    'podman',
    'create',
    '--name=web',
    '--pod=shop',
    '--pull=never',
    '--restart=always',
    'abc',
  ]);
});

test.each([
  [
    ['-dv', '/srv:/data'],
    ['-v', '/srv:/data'],
  ],
  [
    ['-dp', '80:80', '--rm'],
    ['-p', '80:80'],
  ],
  [['-dit', '--rmi', '--preserve-fds', '2'], ['-it']],
  [['-d'], []],
  [
    ['-v', 'kept:/data', '-eA=1', '-m=9m'],
    ['-v', 'kept:/data', '-eA=1', '-m=9m'],
  ],
])('options %j are %j of what does not run yet', (given, expected) => {
  expect(of(['podman', 'run', ...given, 'nginx:1.27'], [])?.slice(4, -1)).toEqual(expected);
});

test.each([
  [['-e', 'HOME']],
  [['--env=HOME']],
  [['-v', './data:/data']],
  [['-dv', 'here/data:/data']],
  [['--volume=..:/up']],
  [['--env-file', 'a/b']],
  [['--mount', 'type=bind,src=./a,dst=/a']],
])('what is taken from where podman was called is not known later: %j', (given) => {
  expect(of(['podman', 'run', ...given, 'nginx:1.27'], [])).toBeUndefined();
});

test('options of podman itself may make it another container', () => {
  expect(of(['podman', '--runtime', 'runc', 'run', 'nginx:1.27'], [])).toBeUndefined();
});

test('where nobody knows how it was made, or where its options end, there is none', () => {
  expect(of([], [])).toBeUndefined();
  expect(of(['podman', 'run', 'sha256:1234', 'sh'], ['sh'])).toBeUndefined();
  expect(of(['podman', 'play', 'kube', 'a.yaml'], ['sh'])).toBeUndefined();
});
