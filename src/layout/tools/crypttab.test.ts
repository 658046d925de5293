import { expect, test } from 'vitest';
import { parseCrypttab } from './crypttab.ts';

test('names, devices, key files and options; what is no entry is told', () => {
  const content = [
    '# name device key options',
    '',
    'root UUID=1 none luks,discard,header=/boot/a=b.img',
    '\tswap\t/dev/sda5\t/dev/urandom\tswap,cipher=aes-xts-plain64,size=256',
    'data PARTLABEL=data',
    'odd\\040name /dev/sdb /etc/keys/a\\054b - ',
    'dash /dev/sdc - luks',
    'alone',
  ].join('\n');
  const bad: number[] = [];
  const entries = parseCrypttab(content, (line) => bad.push(line));
  expect(bad).toEqual([8]);
  expect(entries).toEqual([
    {
      name: 'root',
      spec: 'UUID=1',
      key: 'none',
      options: [
        ['luks', ''],
        ['discard', ''],
        ['header', '/boot/a=b.img'],
      ],
    },
    {
      name: 'swap',
      spec: '/dev/sda5',
      key: '/dev/urandom',
      options: [
        ['swap', ''],
        ['cipher', 'aes-xts-plain64'],
        ['size', '256'],
      ],
    },
    { name: 'data', spec: 'PARTLABEL=data', key: 'none', options: [] },
    { name: 'odd name', spec: '/dev/sdb', key: '/etc/keys/a,b', options: [] },
    { name: 'dash', spec: '/dev/sdc', key: 'none', options: [['luks', '']] },
  ]);
  expect(() => parseCrypttab('\0', () => undefined)).toThrow('not a text file');
});
