import { expect, test } from 'vitest';
import { parseWords, wordsText } from './words.ts';

const nothing = { recover: false, debug: false, consent: [], problems: [] };

test.each([
  ['BOOT_IMAGE=/vmlinuz quiet console=tty0 lifeboat.medium=12ab lifeboat.toram\n', nothing],
  ['lifeboat.recover lifeboat.debug', { ...nothing, recover: true, debug: true }],
  ['lifeboat.point=20261120T', { ...nothing, point: '20261120T' }],
  ['lifeboat.point=a lifeboat.point=b', { ...nothing, point: 'b' }],
  ['"lifeboat.repository=sftp://nas/my backups"', { ...nothing, repository: 'sftp://nas/my backups' }],
  ['lifeboat.repository="file:///mnt/a b"', { ...nothing, repository: 'file:///mnt/a b' }],
  ['lifeboat.consent=ask', { ...nothing, consent: ['ask'] }],
  [
    'lifeboat.consent=blank-disks lifeboat.consent=serial:S1,slot:pci-0000:00:1f.2-ata-1',
    { ...nothing, consent: ['blank-disks', { serials: ['S1'], slots: ['pci-0000:00:1f.2-ata-1'] }] },
  ],
  ['ip=dhcp', { ...nothing, address: 'dhcp' }],
  ['nm=dhcp', { ...nothing, address: 'dhcp' }],
  [
    'ip=192.0.2.5 nm=255.255.255.128 gw=192.0.2.1 netdev=eth1 dns=192.0.2.53,192.0.2.54',
    {
      ...nothing,
      address: {
        address: '192.0.2.5/25',
        gateway: '192.0.2.1',
        device: 'eth1',
        servers: ['192.0.2.53', '192.0.2.54'],
      },
    },
  ],
  ['ip=192.0.2.5 nm=16', { ...nothing, address: { address: '192.0.2.5/16', servers: [] } }],
  [
    'ip=2001:db8::5/48 gw=2001:db8::1',
    { ...nothing, address: { address: '2001:db8::5/48', gateway: '2001:db8::1', servers: [] } },
  ],
  [
    'ip=192.0.2.5::192.0.2.1:255.255.255.0:box:eth0:off',
    { ...nothing, address: { address: '192.0.2.5/24', gateway: '192.0.2.1', device: 'eth0', servers: [] } },
  ],
  ['ip=::::box:eth0:dhcp', { ...nothing, address: 'dhcp' }],
])('%s', (line, words) => expect(parseWords(line)).toEqual(words));

test('what is not understood is told, and the careful way is taken', () => {
  const words = parseWords(
    'lifeboat.consent=all lifeboat.recover=now lifeboat.concent=ask lifeboat.point= ip=nonsense',
  );
  expect(words).toMatchObject({ recover: true, consent: ['ask'], address: 'dhcp' });
  expect(words).not.toHaveProperty('point');
  expect(wordsText(words).join('\n')).toBe(
    `Told by the loader: recover, consent ask, address by DHCP
Of what the loader told: no word lifeboat.concent; did you mean lifeboat.consent?
Of what the loader told: lifeboat.consent=all is not understood, so everything is asked
Of what the loader told: lifeboat.point= without a value
Of what the loader told: ip=nonsense is no address, so DHCP is tried
Of what the loader told: lifeboat.recover takes no value`,
  );
});
