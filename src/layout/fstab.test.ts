import { expect, test } from 'vitest';
import { machine } from '../../test/helpers/machines.ts';
import { recordedHost } from '../host/recorded.ts';
import { captureLayout } from './capture.ts';
import { layoutSvg } from './svg.ts';
import { layoutTree } from './tree.ts';

test('passwords of fstab and of what is mounted are in no document and on no screen', async ({ signal }) => {
  const recording = machine('debian12');
  const lines = [
    '//me:S3cr3t1@nas/share /mnt/a cifs noauto,credentials=/root/.smb 0 0',
    '//nas/share /mnt/b cifs username=me,password=S3cr3t2,password2=S3cr3t3 0 0',
    'me@.cephfs=/ /mnt/c ceph secret=S3cr3t4,secretfile=/etc/ceph/key 0 0',
    '/swap\\040file none swap sw,pass=S3cr3t5 0 0',
  ];
  const live = [
    { target: '/mnt/d', source: '//me:S3cr3t6@nas/d', fstype: 'cifs', options: 'rw,passwd=S3cr3t7', fsroot: '/' },
  ];
  const host = recordedHost({
    ...recording,
    files: { ...recording.files, '/etc/fstab': `${recording.files['/etc/fstab']}\n${lines.join('\n')}\n` },
    commands: recording.commands.map((command) =>
      command.argv[0] === 'findmnt' && command.argv.includes('-v')
        ? { ...command, stdout: withMounts(command.stdout, live) }
        : command,
    ),
  });
  const layout = await captureLayout(host, new Date('2026-11-21T12:00:00Z'), signal);
  const text = JSON.stringify(layout);
  expect(text).toContain('username=me,password=[redacted],password2=[redacted]');
  expect(text).toContain('//me:[redacted]@nas/d');
  expect(text).toContain('credentials=/root/.smb');
  expect(text).toContain('secret=[redacted],secretfile=/etc/ceph/key');
  for (const shown of [text, layoutTree(layout), layoutSvg(layout)]) expect(shown).not.toContain('S3cr3t');
});

function withMounts(stdout: string, mounts: readonly object[]): string {
  const { filesystems } = JSON.parse(stdout);
  const extra = mounts.map((mount) => ({ ...mount, 'maj:min': '0:99' }));
  return JSON.stringify({ filesystems: [...filesystems, ...extra] });
}
