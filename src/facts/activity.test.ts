import { describe, expect, test } from 'vitest';
import { asker } from '../host/asker.ts';
import { recordedHost } from '../host/recorded.ts';
import { parseCronScripts, parseCrontabs } from './cron.ts';
import { parseAddress, parseOwners, parseRange, parseSockets, unitOf } from './ports.ts';
import { deniedPaths, parseContents } from './reading.ts';
import { redactCommand, redactSetting } from '../kernel/redact-command.ts';
import { captureServices, enabledUnits, parseScripts, parseUnits } from './services.ts';
import { timersOf } from './timers.ts';
import { parsePasswd, parsePasswords, parseRemoteMounts } from './users.ts';

describe('cron', () => {
  test('tables of the system name a user, tables of users do not', () => {
    const contents = new Map([
      ['/etc/crontab', 'PATH=/usr/bin\nPASSWORD=hunter2\n17 *\t* * *\troot\tcd / && run-parts /etc/cron.hourly'],
      ['/etc/cron.d/backup', '@daily root /usr/bin/backup\nnonsense'],
      ['/etc/cron.d/backup.dpkg-old', '@daily root /usr/bin/old'],
      ['/var/spool/cron/crontabs/alice', '*/5 1-3,7 * jan mon-fri mail -s x%the body\n@reboot run'],
      ['/etc/crontabs/root', '0 0 * * * alpine'],
    ]);
    expect(parseCrontabs(contents)).toEqual([
      { source: '/etc/cron.d/backup', user: 'root', schedule: '@daily', command: '/usr/bin/backup' },
      { source: '/etc/crontab', user: 'root', schedule: '17 * * * *', command: 'cd / && run-parts /etc/cron.hourly' },
      { source: '/etc/crontabs/root', user: 'root', schedule: '0 0 * * *', command: 'alpine' },
      {
        source: '/var/spool/cron/crontabs/alice',
        user: 'alice',
        schedule: '*/5 1-3,7 * jan mon-fri',
        command: 'mail -s x',
      },
      { source: '/var/spool/cron/crontabs/alice', user: 'alice', schedule: '@reboot', command: 'run' },
    ]);
  });

  test('scripts, as run-parts takes them', () => {
    expect(
      parseCronScripts(['/etc/cron.daily/logrotate', '/etc/cron.daily/.placeholder', '/etc/cron.weekly/x.bak']),
    ).toEqual([{ source: '/etc/cron.daily', user: 'root', schedule: '@daily', command: '/etc/cron.daily/logrotate' }]);
  });
});

describe('users', () => {
  test('those who can log in', () => {
    const lines = [
      'root:x:0:0:root:/root:/bin/bash',
      'daemon:x:1:1::/usr/sbin:/usr/sbin/nologin',
      'sync:x:4:65534:sync:/bin:/bin/sync',
      'old:x:7:7::/home/old:',
      'ftp:x:8:8::/srv:/bin/false',
      '+@staff::::::',
      'broken',
    ];
    expect(parsePasswd(`${lines.join('\n')}\n`)).toEqual([
      { name: 'root', uid: 0, gid: 0, home: '/root', shell: '/bin/bash' },
      { name: 'old', uid: 7, gid: 7, home: '/home/old', shell: '/bin/sh' },
    ]);
  });

  test('states of passwords; a hash would not be taken for one', () => {
    expect([...parsePasswords('root locked\nalice set\nguest none\nbob $6$abc\n')]).toEqual([
      ['root', 'locked'],
      ['alice', 'set'],
      ['guest', 'none'],
    ]);
  });

  test('homes that a server or an automounter answers for', () => {
    expect(
      parseRemoteMounts(
        '/dev/sda1 / ext4 rw 0 0\nauto.home /home autofs rw 0 0\nnas:/x /srv/my\\040share nfs4 rw 0 0\n',
      ),
    ).toEqual(['/home', '/srv/my share']);
  });
});

describe('services', () => {
  test('timers and templates by themselves are none', () => {
    const names = ['ssh.service', 'getty@.service', 'a.timer', 'getty@tty1.service'];
    const files = names.map((name) => ({ name, state: 'enabled' as const }));
    expect(enabledUnits([...files, { name: 'old.service', state: 'other' }])).toEqual([
      'getty@tty1.service',
      'ssh.service',
    ]);
  });

  test('a dot before what failed, as older versions print it', () => {
    const states = parseUnits(
      '● broken.service loaded failed failed x\n  ssh.service   loaded active running OpenBSD\n',
    );
    expect([...states]).toEqual([
      ['broken.service', 'failed'],
      ['ssh.service', 'active'],
    ]);
    expect(parseUnits('x.service not-found inactive dead x.service\n').get('x.service')).toBe('inactive');
  });

  test('a script of SysV that no unit stands in for is started too', async ({ signal }) => {
    const tests = ['-mindepth', '1', '-maxdepth', '1', '-print0'];
    const paths = ['/etc/rc2.d/S01ssh', '/etc/rc2.d/S01console-setup.sh', '/etc/rc3.d/S02legacy', '/etc/rc3.d/K01off'];
    const commands = [
      {
        argv: ['find', '/etc/rc2.d', '/etc/rc3.d', ...tests],
        code: 0,
        stdout: paths.map((path) => `${path}\0`).join(''),
      },
    ];
    const there = { has: (place: string) => place === 'systemd' || place === 'sysv', hidden: () => false };
    const files = ['ssh.service', 'console-setup.service'].map((name) => ({ name, state: 'enabled' as const }));
    const services = await captureServices(asker(recordedHost({ commands }), signal), there, files);
    expect(services).toEqual({
      init: 'systemd',
      enabled: [{ name: 'console-setup.service' }, { name: 'legacy.service' }, { name: 'ssh.service' }],
    });
  });

  test('runlevels', () => {
    expect(parseScripts(['/etc/runlevels/default/sshd', '/etc/runlevels/boot/hwclock'], 'openrc')).toEqual([
      'hwclock',
      'sshd',
    ]);
    expect(
      parseScripts(['/etc/rc2.d/S01ssh', '/etc/rc3.d/S01ssh', '/etc/rc2.d/K01x', '/etc/rc2.d/README'], 'sysv'),
    ).toEqual(['ssh']);
  });

  test('timers: a file of the administrator wins, a drop-in adds, an empty one takes back', () => {
    const contents = new Map([
      ['/etc/systemd/system/b.timer', 'OnCalendar=weekly'],
      ['/usr/lib/systemd/system/b.timer', 'OnCalendar=daily'],
      ['/lib/systemd/system/b.timer', 'OnCalendar=daily'],
      ['/usr/lib/systemd/system/a.timer', 'OnBootSec=15min\nOnCalendar=daily\nUnit=other.service'],
      ['/etc/systemd/system/a.timer.d/z.conf', 'OnCalendar=\nOnCalendar=hourly'],
      ['/usr/lib/systemd/system/masked.timer', 'OnCalendar=daily'],
    ]);
    const files = [
      { name: 'a.timer', state: 'enabled' },
      { name: 'b.timer', state: 'other' },
      { name: 'masked.timer', state: 'masked' },
    ] as const;
    expect(timersOf({ settings: contents, files })).toEqual([
      { name: 'a.timer', schedule: ['OnBootSec=15min', 'OnCalendar=hourly'], starts: 'other.service', enabled: true },
      { name: 'b.timer', schedule: ['OnCalendar=weekly'], starts: 'b.service', enabled: false },
    ]);
  });
});

describe('ports', () => {
  const line = (local: string, state: string, inode: number, remote = '00000000:0000') =>
    `   0: ${local} ${remote} ${state} 00000000:00000000 00:00000000 00000000     0        0 ${inode} 1 0 100 0 0 10 0`;

  test('what listens, of every family, and nothing that is connected', () => {
    const contents = new Map([
      ['/proc/net/tcp', [line('0100007F:0277', '0A', 11), line('0100007F:0050', '01', 12, '0100007F:C000')].join('\n')],
      ['/proc/net/tcp6', line('00000000000000000000000000000000:0016', '0A', 13, `${'0'.repeat(32)}:0000`)],
      ['/proc/net/udp', line('00000000:0044', '07', 14)],
    ]);
    expect(parseSockets(contents)).toEqual([
      { protocol: 'tcp', address: '127.0.0.1', port: 631, inode: '11' },
      { protocol: 'tcp', address: '::', port: 22, inode: '13' },
      { protocol: 'udp', address: '0.0.0.0', port: 68, inode: '14' },
    ]);
  });

  test.each([
    ['00000000000000000000000001000000', '::1'],
    ['0000000000000000FFFF00000100007F', '::ffff:7f00:1'],
    ['000080FE00000000FF565052AB341200', 'fe80::5250:56ff:12:34ab'],
  ])('%s is %s', (hex, address) => {
    expect(parseAddress(hex)).toBe(address);
  });

  test('a socket that init opened for a service belongs to the service', () => {
    const lines = [
      '/proc/1/fd socket:[7]',
      '/proc/900/fd socket:[7]',
      '/proc/800/fd socket:[7]',
      '/proc/1/fd socket:[8]',
    ];
    expect([...parseOwners(`${lines.join('\n')}\n`)]).toEqual([
      ['7', 800],
      ['8', 1],
    ]);
  });

  test('units', () => {
    expect(unitOf('0::/system.slice/ssh.service')).toBe('ssh.service');
    expect(unitOf('12:pids:/system.slice/system-worker.slice/worker@a.service/sub\n1:name=systemd:/x')).toBe(
      'worker@a.service',
    );
    expect(unitOf('0::/user.slice/user-0.slice/session-1.scope')).toBe('session-1.scope');
    expect(unitOf('0::/')).toBeUndefined();
    expect(parseRange('32768\t60999\n')).toEqual([32768, 60999]);
  });
});

test.each([
  ['mysqldump -u root -phunter2 db', 'mysqldump -u root -p[redacted] db'],
  ['curl -u me:hunter2 https://x', 'curl -u me:[redacted] https://x'],
  ['curl -H "Authorization: Bearer abcdefghijk"', 'curl -H "Authorization: Bearer [redacted]"'],
  ["PGPASSWORD='hunter2 x' pg_dump", 'PGPASSWORD=[redacted] pg_dump'],
  ['x --api-key hunter2 --token=hunter2', 'x --api-key [redacted] --token=[redacted]'],
  ['sshpass -p hunter2 ssh x', 'sshpass -p [redacted] ssh x'],
  ['restic --password-file /root/p backup /', 'restic --password-file /root/p backup /'],
  ['x --passwd-path=/p --pass hunter2', 'x --passwd-path=/p --pass [redacted]'],
  ['rsync -a --delete /a /b', 'rsync -a --delete /a /b'],
  ['x --password --other', 'x --password --other'],
])('%s', (line, shown) => {
  expect(redactCommand(line)).toBe(shown);
});

test('a value under a name that says what it is', () => {
  expect(redactSetting('secret', 'abc')).toBe('[redacted]');
  expect(redactSetting('queue', '12')).toBe('12');
});

test('what grep printed, file by file', () => {
  expect([...parseContents('/a:1\n/a:2:3\n/b:\nBinary file /c matches\n')]).toEqual([
    ['/a', '1\n2:3'],
    ['/b', ''],
  ]);
  expect([...parseContents('/x:y/a.xml:<a>\n/x:y/a.xml:b:c\n', /\.xml:/)]).toEqual([['/x:y/a.xml', '<a>\nb:c']]);
});

test('what was forbidden, as GNU and busybox say it', () => {
  const lines = [
    "ls: cannot access '/var/lib/docker/containers': Permission denied",
    'grep: /sys/class/dmi/id/product_serial: Permission denied',
    "find: '/root/.ssh': Permission denied",
    'find: \u2018/var/spool/cron\u2019: Permission denied',
    'ls: /a b: Permission denied',
    "ls: cannot access '/x': No such file or directory",
  ];
  expect(deniedPaths(lines.join('\n'))).toEqual([
    '/var/lib/docker/containers',
    '/sys/class/dmi/id/product_serial',
    '/root/.ssh',
    '/var/spool/cron',
    '/a b',
  ]);
});
