import { describe, expect, test } from 'vitest';
import { redactConfig } from './redact.ts';

const interfaces = '/etc/network/interfaces';

describe('secrets of commands in configuration', () => {
  test.each([
    ['post-up curl -u user:S3cr3t https://example.net/up', 'post-up curl -u user:[redacted] https://example.net/up'],
    ['post-up curl -sSu user:S3cr3t https://example.net/up', undefined],
    ['post-up curl -uuser:S3cr3t https://example.net/up', undefined],
    [`post-up curl -u 'user:S3cr3t two' https://example.net/up`, undefined],
    ['post-up curl -u "user:S3cr3t two" https://example.net/up', undefined],
    ['post-up curl -u user:"S3cr3t two" https://example.net/up', undefined],
    ['post-up curl -u user:x -U proxy:S3cr3t https://example.net/up', undefined],
    [`post-up sh -c 'curl -u user:S3cr3t https://example.net/up'`, undefined],
    ['post-up curl --user user:S3cr3t --proxy-user=p:S3cr3t https://example.net', undefined],
    ['post-up curl https://user:S3cr3t@example.net/up', undefined],
    [
      'post-up curl https://example.net/up?token=S3cr3t&host=web1',
      'post-up curl https://example.net/up?token=[redacted]&host=web1',
    ],
    ['post-up wget -q "https://example.net/up?host=web1&api_key=S3cr3t"', undefined],
    ['post-up wget -q "https://example.net/up?key=S3cr3t"', undefined],
    ['post-up wget --user=me --password=S3cr3t https://example.net', undefined],
    ['post-up curl -H "Authorization: Bearer S3cr3t.abc" https://example.net', undefined],
    ['post-up curl -H "Authorization: S3cr3t" https://example.net', undefined],
    ['post-up curl -H "X-Auth-Token: S3cr3t" https://example.net', undefined],
    ['post-up curl -d "user=me&pass=S3cr3t" https://example.net', undefined],
    ['post-up curl https://hooks.slack.com/services/T0/B0/S3cr3t', undefined],
    ['up tailscale up --authkey S3cr3t', 'up tailscale up --authkey [redacted]'],
    ['up tailscale up --auth-key=S3cr3t', undefined],
    ['up agent --api-token S3cr3t', undefined],
    ['up TOKEN=S3cr3t agent', undefined],
    ['up PGPASSWORD=S3cr3t psql', undefined],
    [`up wpa_cli -i wlan0 set_network 0 psk '"S3cr3t"'`, undefined],
    ['up wpa_cli -i wlan0 set_network 0 wep_key0 S3cr3t', undefined],
    ['up wpa_cli wps_reg 02:00:00:00:00:01 S3cr3t', undefined],
    ['up wpa_passphrase net S3cr3t > /run/wpa.conf', undefined],
    ['wireless-key S3cr3t', 'wireless-key [redacted]'],
    ['wireless-key1 s:S3cr3t', undefined],
    ['up iwconfig wlan0 key s:S3cr3t', undefined],
    ['up iwconfig wlan0 key restricted [3] S3cr3t', undefined],
    ['up iw dev wlan0 connect net key 0:S3cr3t', undefined],
    ['up sshpass -p S3cr3t ssh gate', undefined],
    ['up mysql -u root -pS3cr3t -e "select 1"', undefined],
    ['up smbclient -U me%S3cr3t //nas/x', undefined],
    ['up mount -t cifs -o username=me,password=S3cr3t //nas/x /mnt', undefined],
    [`up ip xfrm state add src 192.0.2.1 dst 192.0.2.2 proto esp spi 1 enc 'cbc(aes)' 0x5EC7E7S3cr3t`, undefined],
  ])('%s', (line, expected) => {
    const redacted = redactConfig(interfaces, `iface eth0 inet dhcp\n  ${line}\n`);
    expect(redacted).not.toContain('S3cr3t');
    expect(redacted).toContain('[redacted]');
    if (expected !== undefined) expect(redacted).toBe(`iface eth0 inet dhcp\n  ${expected}\n`);
    expect(redactConfig(interfaces, redacted)).toBe(redacted);
  });

  test('the key of MACsec', () => {
    const key = '0123456789abcdef0123456789abcdef';
    expect(redactConfig(interfaces, `up ip macsec add m0 tx sa 0 pn 1 on key 01 ${key}`)).not.toContain(key);
  });

  test.each([
    ['/etc/wireguard/wg0.conf', 'PostUp = curl -u user:S3cr3t https://example.net'],
    ['/etc/systemd/network/a.network', '# curl https://example.net/?access_token=S3cr3t'],
    ['/etc/dhcpcd.conf', 'hook curl -u user:S3cr3t https://example.net'],
  ])('also in %s', (path, line) => {
    expect(redactConfig(path, line)).not.toContain('S3cr3t');
  });

  test('in a line that is too long to look at', () => {
    expect(redactConfig(interfaces, `up curl -u me:S3cr3t x ${'a'.repeat(5_000)}`)).not.toContain('S3cr3t');
  });
});

test('any line ends quickly', () => {
  const parts = [
    '-u a:',
    'token',
    'token=',
    "'",
    '"',
    '\\',
    'curl -u ',
    '?key=',
    'iw key ',
    'pass-',
    'xfrm state enc ',
    'a',
  ];
  const started = performance.now();
  for (const part of parts) redactConfig(interfaces, `curl ${part.repeat(4_000 / part.length)}`);
  expect(performance.now() - started).toBeLessThan(5_000);
});

describe('what commands say besides stays', () => {
  test.each([
    'up ip route add default via 192.0.2.254 dev eth0',
    'up ip token set ::1a dev eth0',
    'up date -u +%H:%M:%S',
    'up curl -fsS https://example.net/ping?host=web1&state=up',
    'up curl --user-agent a:b https://example.net/',
    'up podman run --user 1000:1000 image',
    'up chown -R root:adm /srv',
    'up sudo -u user:x id',
    'up ip tunnel add t0 mode gre remote 192.0.2.9 key 42 ttl 9',
    'up iwconfig wlan0 key off',
    'up wg set wg0 private-key /etc/wireguard/key',
    'up agent --token-file /etc/agent.token',
    'up agent --token $TOKEN',
    'up curl -u me:$PASS https://example.net',
    'up ip xfrm policy add dir out src 192.0.2.0/24 dst 198.51.100.0/24 tmpl proto esp mode tunnel',
    'up iptables -t nat -A POSTROUTING -p tcp -m tcp --dport 22 -j ACCEPT',
    'up ethtool -K eth0 tx off; ethtool -s eth0 wol g',
    'up mysql -p -u root',
    'wpa-key-mgmt WPA-PSK',
    'hwaddress ether 02:00:00:00:00:01',
    'bridge_ports eth0 eth1',
  ])('%s', (line) => {
    const content = `iface eth0 inet dhcp\n  ${line}\n`;
    expect(redactConfig(interfaces, content)).toBe(content);
  });

  test.each([
    ['/etc/systemd/network/a.network', '[IPv6AcceptRA]\nToken=prefixstable:2001:db8::1\nToken=::1\nToken=eui64\n'],
    ['/etc/netplan/a.yaml', '      ipv6-address-token: "::2"\n'],
    ['/etc/sysconfig/network-scripts/ifcfg-x', 'IPV6_TOKEN=::1:2\n'],
  ])('in %s', (path, content) => {
    expect(redactConfig(path, content)).toBe(content);
  });
});
