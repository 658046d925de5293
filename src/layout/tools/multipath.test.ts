import { expect, test } from 'vitest';
import { parseStates, parseTables } from './multipath.ts';
import { parseConfiguration, parseFiles, settingsFor } from './multipath-conf.ts';

test('the kernel tells of features, the handler, groups and paths', () => {
  const table =
    'san-a: 0 2097152 multipath 3 queue_if_no_path pg_init_retries 50 1 alua 2 1 service-time 0 2 2 8:16 1 1 8:32 1 1 round-robin 0 1 1 65:0 1 \n' +
    'odd\\x20name: 0 8 multipath 0 0 0 0 \n';
  expect(parseTables(table)).toEqual(
    new Map([
      [
        'san-a',
        {
          features: ['pg_init_retries 50', 'queue_if_no_path'],
          handler: 'alua',
          groups: [
            { selector: 'service-time', paths: ['8:16', '8:32'] },
            { selector: 'round-robin', paths: ['65:0'] },
          ],
        },
      ],
      ['odd name', { features: [], handler: '', groups: [] }],
    ]),
  );
  expect(parseTables('No devices found\n')).toEqual(new Map());
  expect(() => parseTables('san: 0 8 multipath 0 0 1 1 service-time 0 2 2 8:16 1\n')).toThrow('too early');
});

test('and of the state of each path', () => {
  const status = 'a: 0 8 multipath 2 0 1 0 2 1 A 0 1 2 8:16 F 3 0 1 E 0 1 2 8:32 A 0 0 1 \n';
  expect(parseStates(status).get('a')).toEqual({
    groups: [
      { state: 'active', paths: [{ number: '8:16', failed: true }] },
      { state: 'enabled', paths: [{ number: '8:32', failed: false }] },
    ],
  });
});

test('what is configured for a map: its own section counts most, then overrides, devices, defaults', () => {
  const file = (name: string, text: string) =>
    text
      .split('\n')
      .map((line) => `${name}\0${line}\n`)
      .join('');
  const files = parseFiles(
    file(
      '/etc/multipath.conf',
      'defaults {\n no_path_retry 5 # a remark\n path_selector "round-robin 0"\n}\n' +
        'devices\n{\n device {\n vendor "ACME"\n product "Disk.*"\n no_path_retry queue\n prio alua\n }\n device {\n vendor OTHER\n prio const\n }\n}\n' +
        'multipaths {\n multipath {\n wwid "3600a"\n alias files\n }\n}',
    ) +
      file('/etc/multipath/conf.d/site.conf', 'overrides {\n no_path_retry fail\n}') +
      file('/etc/multipath/conf.d/old.bak', 'overrides {\n no_path_retry 99\n}') +
      file('/etc/multipath/bindings', '# alias wwid\nmpatha 3600b') +
      file('/etc/multipath/wwids', '# Valid WWIDs:\n/3600a/'),
  );
  expect(settingsFor(files, { wwid: '3600a', vendor: 'ACME', product: 'Disk 7' })).toEqual({
    alias: 'files',
    no_path_retry: 'fail',
    path_selector: 'round-robin 0',
    prio: 'alua',
  });
  expect(settingsFor(files, { wwid: '3600b' })).toEqual({ no_path_retry: 'fail', path_selector: 'round-robin 0' });
  expect(files.bindings.get('3600b')).toBe('mpatha');
  expect([...files.wwids]).toEqual(['3600a']);
  expect(parseConfiguration(['}', '{', 'lonely'])).toEqual([]);
});
