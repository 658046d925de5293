import { expect, test } from 'vitest';
import { smallContainer } from '../../../test/helpers/small-container.ts';
import { createCommand } from './create-command.ts';

function of(command: readonly string[], args: readonly string[], reference = 'docker.io/library/nginx:1.27') {
  const made = smallContainer({
    image: { reference },
    process: { args: [...args] },
    definedBy: [{ kind: 'command', paths: [], command: [...command] }],
  });
  return createCommand(made, 'other');
}

test.each([
  [
    ['podman', 'run', '-d', '--name', 'web', '-p', '80:80', 'nginx:1.27'],
    ['/docker-entrypoint.sh', 'nginx', '-g', 'daemon off;'],
    ['podman', 'create', '--name=other', '-p', '80:80', 'nginx:1.27'],
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
    ['podman', 'create', '--name=other', '-it', 'nginx:1.27', 'sh', '-c', '--name x'],
  ],
  [
    // The name of an image as the value of an option is no image.
    ['podman', 'create', '-e', 'FROM=nginx:1.27', '--label', 'nginx:1.27', 'docker.io/library/nginx:1.27', 'nginx'],
    ['nginx'],
    [
      'podman',
      'create',
      '--name=other',
      '-e',
      'FROM=nginx:1.27',
      '--label',
      'nginx:1.27',
      'docker.io/library/nginx:1.27',
      'nginx',
    ],
  ],
])('%j', (command, args, expected) => {
  expect(of(command, args)).toEqual(expected);
});

test('an image without a tag is that of the tag latest', () => {
  const command = ['podman', 'run', 'localhost/bb', 'sleep', '9'];
  expect(of(command, ['sleep', '9'], 'localhost/bb:latest')?.at(-3)).toBe('localhost/bb');
});

test('the pod that it was made with is not made again', () => {
  const command = ['podman', 'run', '-d', '--pod', 'new:shop', '--restart=always', 'nginx:1.27'];
  const made = smallContainer({
    image: { reference: 'docker.io/library/nginx:1.27' },
    definedBy: [{ kind: 'command', paths: [], command }],
  });
  expect(createCommand(made, 'web', 'shop')).toEqual([
    'podman',
    'create',
    '--name=web',
    '--pod=shop',
    '--restart=always',
    'nginx:1.27',
  ]);
});

test('where nobody knows how it was made, or where its options end, there is none', () => {
  expect(of([], [])).toBeUndefined();
  expect(of(['podman', 'run', 'sha256:1234', 'sh'], ['sh'])).toBeUndefined();
  expect(of(['podman', 'play', 'kube', 'a.yaml'], ['sh'])).toBeUndefined();
});
