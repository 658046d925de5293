import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { redactConfig } from './redact.ts';

const wifi = '/etc/NetworkManager/system-connections/home.nmconnection';

test.each([
  [
    'a Wi-Fi keyfile',
    wifi,
    '[wifi]\nssid=home\n[wifi-security]\nkey-mgmt=wpa-psk\npsk-flags=0\npsk=a b c hunter2',
    'hunter2',
  ],
  [
    'a keyfile with 802.1X',
    wifi,
    '[802-1x]\neap=peap;\nidentity=me\npassword=hunter2\nprivate-key=/etc/ssl/me.key',
    'hunter2',
  ],
  [
    'the password of a key',
    wifi,
    '[802-1x]\nprivate-key-password=hunter2\nphase2-private-key-password=hunter2',
    'hunter2',
  ],
  ['a leap password', wifi, 'leap-password=hunter2\nwep-key0=hunter2\npassword-raw=hunter2', 'hunter2'],
  ['VPN secrets of any name', wifi, '[vpn]\ngateway=gw\n[vpn-secrets]\nXauth whatever=hunter2', 'hunter2'],
  ['a modem', wifi, '[gsm]\napn=web\npin=7391\npassword=hunter2', '7391'],
  [
    'WireGuard of NetworkManager',
    wifi,
    '[wireguard]\nprivate-key=hunter2\n[wireguard-peer.x]\npreshared-key=hunter2',
    'hunter2',
  ],
  ['MACsec', wifi, '[macsec]\nmka-cak=hunter2\nmka-ckn=77', 'hunter2'],
  [
    'a netdev',
    '/etc/systemd/network/wg0.netdev',
    '[WireGuard]\nPrivateKey=hunter2\nListenPort=1\n[WireGuardPeer]\nPublicKey=p\nPresharedKey = hunter2',
    'hunter2',
  ],
  [
    'a netdev with MACsec',
    '/etc/systemd/network/m.netdev',
    '[MACsecTransmitAssociation]\nKeyId=00\nKey=hunter2',
    'hunter2',
  ],
  [
    'wg-quick',
    '/etc/wireguard/wg0.conf',
    '[Interface]\nAddress = 192.0.2.1/24\nPrivateKey = hunter2\n[Peer]\nPresharedKey=hunter2',
    'hunter2',
  ],
  [
    'netplan',
    '/etc/netplan/1.yaml',
    'network:\n  wifis:\n    wlan0:\n      access-points:\n        "home":\n          password: "hunter2"\n',
    'hunter2',
  ],
  [
    'netplan in flow style',
    '/etc/netplan/1.yaml',
    'access-points: {"home": {mode: adhoc, password: "hunter, 2"}, x: {password: hunter2}}',
    'hunter',
  ],
  ['netplan, a value below', '/etc/netplan/1.yaml', '  password: |\n    hunter2\n  mode: x', 'hunter2'],
  ['netplan, a value that goes on', '/etc/netplan/1.yaml', '  password: "x\n    hunter2"\n  mode: x', 'hunter2'],
  ['netplan with a key of WireGuard', '/etc/netplan/1.yaml', 'keys:\n  private: hunter2\n  shared: hunter2', 'hunter2'],
  ['netplan with a short key of WireGuard', '/etc/netplan/1.yaml', `key: "${'a'.repeat(43)}="`, 'aaaaaa'],
  ['netplan, a key on a line of its own', '/etc/netplan/1.yaml', `key:\n  ${'a'.repeat(43)}=`, 'aaaaaa'],
  [
    'wpa_supplicant',
    '/etc/wpa_supplicant/wpa_supplicant.conf',
    'network={\n\tssid="x"\n\t#psk="hunter2"\n\tpsk=hunter2\n\tkey_mgmt=WPA-PSK\n}',
    'hunter2',
  ],
  [
    'wpa_supplicant on a line',
    '/etc/wpa_supplicant/a.conf',
    'network={ssid="x" key_mgmt=WPA-PSK psk="hunter2"}',
    'hunter2',
  ],
  [
    'wpa_supplicant with EAP',
    '/etc/wpa_supplicant/a.conf',
    'private_key="/etc/k.pem"\nprivate_key_passwd="hunter2"\nsae_password="hunter2"\nwep_key0=hunter2',
    'hunter2',
  ],
  [
    'interfaces',
    '/etc/network/interfaces',
    'iface wlan0 inet dhcp\n\twpa-ssid x\n\twpa-psk hunter2\n  wireless-key s:hunter2',
    'hunter2',
  ],
  ['interfaces, on the next line', '/etc/network/interfaces', '  wpa-psk \\\n    hunter2\n  mtu 1400', 'hunter2'],
  [
    'ifcfg',
    '/etc/sysconfig/network-scripts/ifcfg-x',
    'DEVICE=x\nIEEE_8021X_PASSWORD=hunter2\nIEEE_8021X_PRIVATE_KEY_PASSWORD=hunter2',
    'hunter2',
  ],
  [
    'keys of ifcfg',
    '/etc/sysconfig/network-scripts/keys-x',
    "KEY1=s:hunter2\nKEY_PASSPHRASE1=hunter2\nWPA_PSK='hunter2'",
    'hunter2',
  ],
  [
    'ifcfg of SUSE',
    '/etc/sysconfig/network/ifcfg-wlan0',
    "WIRELESS_WPA_PSK='hunter2'\nWIRELESS_KEY_0='hunter2'\nWIRELESS_CLIENT_KEY_PASSWORD='hunter2'",
    'hunter2',
  ],
  [
    'wicked',
    '/etc/wicked/ifconfig/x.xml',
    '<wireless><passphrase>hunter2</passphrase><pre-shared-key a="b">hunter2</pre-shared-key></wireless>',
    'hunter2',
  ],
  [
    'the key of a name server',
    '/etc/dhcp/dhclient.conf',
    'key x {\n algorithm hmac-md5;\n secret "hunter2";\n}',
    'hunter2',
  ],
  ['a seed of sysctl', '/etc/sysctl.d/1.conf', 'net.ipv6.conf.eth0.stable_secret = 2001:db8::1', '2001'],
  ['a password in a URL', '/etc/NetworkManager/NetworkManager.conf', 'uri=http://me:hunter2@proxy/', 'hunter2'],
  ['a private key', wifi, 'a\n-----BEGIN RSA PRIVATE KEY-----\nhunter2\n-----END RSA PRIVATE KEY-----\nb', 'hunter2'],
])('%s', (_, path, content, secret) => {
  const redacted = redactConfig(path, content);
  expect(redacted).not.toContain(secret);
  expect(redacted).toContain('[redacted]');
  expect(redactConfig(path, redacted)).toBe(redacted);
});

describe('what is no secret stays', () => {
  test.each([
    [
      wifi,
      '[wifi-security]\nkey-mgmt=wpa-psk\npsk-flags=1\n[802-1x]\nca-cert=/etc/ca.pem\nprivate-key=/etc/ssl/me.key',
    ],
    [
      '/etc/systemd/network/a.netdev',
      '[Tunnel]\nKey=7\n[WireGuard]\nPrivateKeyFile=/etc/wg.key\n[WireGuardPeer]\nPublicKey=abc=',
    ],
    [
      '/etc/systemd/network/a.network',
      '[Match]\nName=eth0\n[Network]\nDHCP=yes\nDNS=192.0.2.1\n[Route]\nGateway=192.0.2.1',
    ],
    [
      '/etc/netplan/1.yaml',
      'network:\n  tunnels:\n    t:\n      key: 1234\n      keys:\n        input: 5\n  renderer: networkd\n',
    ],
    [
      '/etc/network/interfaces',
      'iface eth0 inet static\n  address 192.0.2.1/24\n  up ip route add default via 192.0.2.254\n',
    ],
    ['/etc/sysconfig/network-scripts/ifcfg-x', 'DEVICE=x\nDEFAULTKEY=1\nKEY_MGMT=WPA-PSK\nMONKEY=1\n'],
    ['/etc/dhcp/dhclient.conf', 'key x {\n algorithm hmac-md5;\n}\nsend host-name "web1";\n'],
    ['/etc/sysctl.conf', 'net.ipv4.ip_forward=1\n# a comment\n'],
  ])('%s', (path, content) => {
    expect(redactConfig(path, content)).toBe(content);
  });
});

test('a value of any text does not come through, in any format', () => {
  const value = fc.stringMatching(/^[A-Za-z0-9!$%&()*+?@^_~]{9,20}$/);
  fc.assert(
    fc.property(value, (secret) => {
      const lines: readonly (readonly [string, string])[] = [
        [wifi, `[wifi-security]\npsk=${secret}\nx=y`],
        ['/etc/wireguard/wg0.conf', `PrivateKey = ${secret}`],
        ['/etc/network/interfaces', `  wpa-psk ${secret}\n`],
        ['/etc/netplan/a.yaml', `  password: ${JSON.stringify(secret)}\n`],
      ];
      for (const [path, content] of lines) expect(redactConfig(path, content)).not.toContain(secret);
    }),
  );
});

test('any text at all ends, and quickly', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary', maxLength: 300 }),
      fc.constantFrom('/a.yaml', '/a.xml', '/etc/network/x', '/x'),
      (text, path) => {
        redactConfig(path, text);
      },
    ),
  );
  for (const path of ['/a.yaml', '/a.xml', '/etc/network/x', '/x']) {
    for (const part of ['a ', '{a,', 'a=', '- ', '<key ', '"a:', '#;', 'aaaa', 'key=', ' '])
      redactConfig(path, part.repeat(50_000));
  }
});
