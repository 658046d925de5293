import { expect, test } from 'vitest';
import { attributeFiles, parseRecords, parseSessions, recordsArgv } from './iscsi.ts';

test('sessions as the kernel has them; one without an address is none', () => {
  const said = [
    '/sys/class/iscsi_session/session3/targetname:iqn.2026-11.org.lab:data',
    '/sys/class/iscsi_session/session3/tpgt:1',
    '/sys/class/iscsi_session/session3/ifacename:eth1',
    '/sys/class/iscsi_session/session3/username:lab',
    '/sys/class/iscsi_session/session3/username_in:(null)',
    '/sys/class/iscsi_session/session3/state:FAILED',
    '/sys/class/iscsi_connection/connection3:0/persistent_address:2001:db8::1',
    '/sys/class/iscsi_connection/connection3:0/persistent_port:3261',
    '/sys/class/iscsi_session/session4/targetname:iqn.2026-11.org.lab:half',
  ].join('\n');
  expect(parseSessions(said)).toEqual(
    new Map([
      [
        'session3',
        {
          target: 'iqn.2026-11.org.lab:data',
          portal: '[2001:db8::1]:3261',
          iface: 'eth1',
          tpgt: 1,
          chap: 'one-way',
          state: 'FAILED',
        },
      ],
    ]),
  );
  expect(() => parseSessions('grep: nonsense')).toThrow('not an attribute');
});

test('neither files nor lines with a password are asked for', () => {
  const files = attributeFiles(['/sys/class/iscsi_session/session1', '/sys/class/iscsi_connection/connection1:0']);
  expect(files.filter((file) => file.includes('password'))).toEqual([]);
  const pattern = new RegExp(recordsArgv[2] ?? '');
  expect(pattern.test('node.session.auth.password = secret')).toBe(false);
  expect(pattern.test('node.session.auth.password_in = secret')).toBe(false);
  expect(pattern.exec('node.session.auth.username_in = storage')?.[0]).toBe('node.session.auth.username_in =');
});

test('records of open-iscsi', () => {
  const file = '/etc/iscsi/nodes/iqn.x:y/192.0.2.1,3260,1/default';
  const said = [
    'node.name = iqn.x:y',
    'node.startup = automatic',
    'node.session.auth.authmethod = CHAP',
    'node.session.auth.username_in =',
    'node.conn[0].address = 192.0.2.1',
    'node.conn[0].port = 3260',
  ]
    .map((line) => `${file}\0${line}\n`)
    .join('');
  const [record] = parseRecords(said);
  expect(record).toMatchObject({ target: 'iqn.x:y', portal: '192.0.2.1:3260', iface: 'default', chap: 'mutual' });
  expect(record?.settings.get('node.startup')).toBe('automatic');
  expect(() => parseRecords('no zero byte')).toThrow('not a setting');
});
