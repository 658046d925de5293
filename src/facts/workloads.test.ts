import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { asker } from '../host/asker.ts';
import { recordedHost } from '../host/recorded.ts';
import { parseDocker } from './docker.ts';
import { parseDeployments } from './image.ts';
import { captureLibvirt, parseLibvirt } from './libvirt.ts';
import { parseInstances, parseLxc, parseMonitors, parseNspawn, parseMachines as nspawnMachines } from './lxc.ts';
import { parseConmon, parsePodman, parseQuadlets } from './podman.ts';
import { parseCommandLines } from './processes.ts';
import { parseProxmox, parseStorages, volumePath } from './proxmox.ts';
import { parseQemu } from './qemu.ts';
import { parseContents } from './reading.ts';
import { captureWorkloads, parseMachines } from './workloads.ts';
import { parseXen, parseXenDisk } from './xen.ts';
import { parseXml, select } from './xml.ts';

const fixtures = join(import.meta.dirname, '../../test/fixtures');
const said = (tool: string, name: string): string[] =>
  JSON.parse(readFileSync(join(fixtures, tool, `${name}.json`), 'utf8')).commands.map(
    ({ stdout }: { stdout: string }) => stdout,
  );

describe('libvirt', () => {
  const [web = '', pool = '', plain = ''] = said('virsh', 'debian12');
  const contents = new Map([
    ['/etc/libvirt/qemu/web.xml', `<!--\nWARNING: THIS IS AN AUTO-GENERATED FILE\n-->\n\n${web}`],
    ['/etc/libvirt/qemu/networks/default.xml', '<network><name>default</name></network>'],
    ['/etc/libvirt/storage/default-pool.xml', pool],
    ['/run/libvirt/qemu/test.xml', `<domstatus state='running' pid='1'>\n${plain}</domstatus>\n`],
  ]);

  test('disks of every kind, firmware variables, and what only runs', () => {
    expect(parseLibvirt(contents)).toEqual({
      containers: [],
      guests: [
        {
          manager: 'libvirt',
          name: 'web & db',
          id: '8a11c3ac-9cc3-419a-8489-706bae329102',
          running: false,
          disks: ['/var/lib/libvirt/images/web.qcow2', '/dev/vg0/web', 'rbd:pool/image', '/default-pool/extra.img'],
          files: ['/var/lib/libvirt/qemu/nvram/web_VARS.fd'],
        },
        {
          manager: 'libvirt',
          name: 'test',
          id: '6695eb01-f6a4-8304-79aa-97f2502e193f',
          running: true,
          transient: true,
          disks: ['/guest/diskimage1'],
        },
      ],
    });
  });

  test('a defined guest that runs is one guest', () => {
    const both = new Map([...contents, ['/run/libvirt/qemu/web.xml', `<domstatus>${web}</domstatus>`]]);
    expect(parseLibvirt(both).guests.filter(({ name }) => name === 'web & db')).toMatchObject([
      { running: true, files: ['/var/lib/libvirt/qemu/nvram/web_VARS.fd'] },
    ]);
    expect(parseLibvirt(both).guests[0]).not.toHaveProperty('transient');
  });

  test.each(['', 'garbage', '<domain>', '<domain></disk></domain>', '<network/>'])('%j is not a domain', (xml) => {
    expect(() => parseLibvirt(new Map([['/etc/libvirt/qemu/a.xml', xml]]))).toThrow();
  });

  test('XML: entities, CDATA, quotes and what is empty', () => {
    const root = parseXml(`<?xml version="1.0"?><a b='1"' c="&lt;&#65;&#x42;&amp;"><![CDATA[<x>]]><d/>y</a>`);
    expect(root).toMatchObject({ attributes: { b: '1"', c: '<AB&' }, text: '<x>y' });
    expect(select(root, 'd')).toHaveLength(1);
  });
});

test('processes of QEMU and conmon', () => {
  const [stdout = ''] = said('find', 'qemu-process');
  const lines = parseCommandLines(stdout);
  expect(parseQemu(lines)).toEqual([
    {
      manager: 'qemu',
      name: 'handmade',
      id: '8a11c3ac-9cc3-419a-8489-706bae329102',
      running: true,
      disks: ['/var/tmp/d1.img', '/var/tmp/d2.img'],
    },
  ]);
  expect([...parseConmon(lines)]).toEqual(['4076b7792a6be2d24e55be3e7886ca55d789a06a4c5d9dd31625358f781a4b9d']);
});

test('a drive of which a comma is part of the name, and options as JSON', () => {
  const line = ['/usr/bin/kvm', '-id', '100', '-name', 'web,debug-threads=on'];
  const drives = [
    '-drive',
    'file=/a,,b.img,if=virtio',
    '-drive',
    'file=/x.iso,media=cdrom',
    '-drive',
    'if=pflash,file=/code',
  ];
  const block = ['-blockdev', '{"driver":"host_device","filename":"/dev/vg/web","node-name":"libvirt-1-storage"}'];
  expect(parseQemu([[...line, ...drives, ...block]])).toMatchObject([
    { name: 'web', id: '100', disks: ['/a,b.img', '/dev/vg/web'] },
  ]);
});

/** Unverified: after Proxmox VE's documentation (pve-docs, AGPL-3.0: "qm.conf", "Proxmox VE Storage"). */
describe('Proxmox', () => {
  const storage = [
    'dir: local\n\tpath /var/lib/vz\n\tcontent iso,backup',
    'lvmthin: local-lvm\n\tthinpool data\n\tvgname pve',
    'zfspool: fast\n\tpool tank/vm\n\tmountpoint /tank/vm',
    'nfs: share\n\tserver 10.0.0.1\n\texport /x',
    'rbd: ceph\n\tpool vms',
  ].join('\n\n');

  test('guests and containers with their volumes, not those of snapshots or in drives', () => {
    const contents = new Map([
      ['/etc/pve/storage.cfg', storage],
      [
        '/etc/pve/local/qemu-server/100.conf',
        'boot: order=scsi0\nname: web\nscsihw: virtio-scsi-pci\nscsi0: local-lvm:vm-100-disk-0,size=32G\nide2: local:iso/debian.iso,media=cdrom\nide3: none,media=cdrom\nefidisk0: fast:vm-100-disk-1\nunused0: local:100/vm-100-disk-2.qcow2\n\n[before]\nscsi1: local-lvm:vm-100-disk-9',
      ],
      [
        '/etc/pve/local/lxc/101.conf',
        'hostname: dns\nrootfs: fast:subvol-101-disk-0,size=8G\nmp0: /srv/zones,mp=/zones',
      ],
    ]);
    expect(parseProxmox(contents, new Set(['100']))).toEqual({
      guests: [
        {
          manager: 'proxmox',
          name: 'web',
          id: '100',
          running: true,
          disks: [
            '/dev/pve/vm-100-disk-0',
            '/dev/zvol/tank/vm/vm-100-disk-1',
            '/var/lib/vz/images/100/vm-100-disk-2.qcow2',
          ],
        },
      ],
      containers: [{ manager: 'proxmox', name: 'dns', id: '101', paths: ['/srv/zones', '/tank/vm/subvol-101-disk-0'] }],
    });
  });

  test.each([
    ['ceph:vm-1-disk-0', 'rbd:vms/vm-1-disk-0'],
    ['share:100/a.raw', '/mnt/pve/share/images/100/a.raw'],
    ['gone:a', 'gone:a'],
    ['/dev/sdb', '/dev/sdb'],
  ])('the volume %s is %s', (volume, path) => {
    expect(volumePath(volume, parseStorages(storage))).toBe(path);
  });
});

/** Unverified: after xl.cfg(5) and xl-disk-configuration(5) (Xen, GPL-2.0). */
describe('Xen', () => {
  test.each([
    ['phy:/dev/vg/web,xvda,w', '/dev/vg/web'],
    ['phy:vg/web,xvda,w', '/dev/vg/web'],
    ['/dev/vg/web,raw,xvda,rw', '/dev/vg/web'],
    ['format=qcow2, vdev=xvda, access=rw, target=/a,b.qcow2', '/a,b.qcow2'],
    ['tap:aio:/a.img,xvda,w', '/a.img'],
    ['file:/cd.iso,hdc:cdrom,r', undefined],
    ['format=raw,vdev=hdc,access=ro,devtype=cdrom,target=/cd.iso', undefined],
  ])('the disk %s is %s', (disk, path) => {
    expect(parseXenDisk(disk)).toBe(path);
  });

  test('a definition, and a file that is none', () => {
    const contents = new Map([
      ['/etc/xen/web.cfg', `name = "web"\nmemory = 512\ndisk = [ 'phy:/dev/vg/web,xvda,w',\n  "/b.img,raw,xvdb,rw" ]`],
      ['/etc/xen/xl.cfg', 'autoballoon=0'],
    ]);
    expect(parseXen(contents)).toEqual([{ manager: 'xen', name: 'web', disks: ['/dev/vg/web', '/b.img'] }]);
  });
});

describe('containers', () => {
  test('docker: layers, volumes, and no trust in names of volumes', () => {
    const id = 'a'.repeat(64);
    const config = [
      '"Running":true',
      '"Image":"caddy:2"',
      '"Image":"sha256:1"',
      '"Name":"/we\\"b"',
      '"Source":"/srv/x"',
      '"Name":"vol"',
    ];
    const contents = new Map([
      [`/data/docker/containers/${id}/config.v2.json`, config.join('\n')],
      [`/data/docker/containers/${id}/hostconfig.json`, '"AutoRemove":false'],
    ]);
    const layers = new Map([[`/data/docker/image/overlay2/layerdb/mounts/${id}/mount-id`, 'f00']]);
    expect(parseDocker(contents, layers)).toEqual([
      {
        manager: 'docker',
        name: 'we"b',
        id,
        image: 'caddy:2',
        running: true,
        paths: [`/data/docker/containers/${id}`, '/data/docker/overlay2/f00', '/srv/x'],
      },
    ]);
  });

  test('podman of a user, and what --rm was said of, in its newer list', () => {
    const storage = '/home/alice/.local/share/containers/storage';
    const item = (name: string) => JSON.stringify([{ id: name.repeat(4), names: [name], layer: 'abc', metadata: '' }]);
    const lists = new Map([
      [`${storage}/overlay-containers/containers.json`, item('a')],
      [`${storage}/overlay-containers/volatile-containers.json`, item('b')],
    ]);
    expect(parsePodman(lists, new Map(), new Set(['aaaa']), () => 'alice')).toEqual([
      { manager: 'podman', name: 'a', id: 'aaaa', user: 'alice', running: true, paths: [`${storage}/overlay/abc`] },
      {
        manager: 'podman',
        name: 'b',
        id: 'bbbb',
        user: 'alice',
        running: false,
        transient: true,
        paths: [`${storage}/overlay/abc`],
      },
    ]);
    expect(() =>
      parsePodman(
        new Map([[`${storage}/overlay-containers/containers.json`, '{}']]),
        new Map(),
        undefined,
        () => undefined,
      ),
    ).toThrow();
  });

  test('quadlets', () => {
    const content =
      '[Container]\nContainerName=proxy\nImage=docker.io/library/caddy:2\nVolume=/srv/caddy:/data:Z\nVolume=conf.volume:/etc/caddy';
    expect(parseQuadlets(new Map([['/etc/containers/systemd/caddy.container', content]]))).toEqual([
      { manager: 'podman', name: 'proxy', image: 'docker.io/library/caddy:2', paths: ['/srv/caddy'] },
    ]);
  });

  test('LXC: roots and bind mounts', () => {
    const config =
      'lxc.rootfs.path = dir:/srv/lxc/web/rootfs\nlxc.mount.entry = /srv/data srv none bind 0 0\nlxc.mount.entry = proc proc proc nodev 0 0';
    const running = parseMonitors([['[lxc monitor] /var/lib/lxc web']]);
    expect(parseLxc(new Map([['/var/lib/lxc/web/config', config]]), running)).toEqual([
      { manager: 'lxc', name: 'web', running: true, paths: ['/srv/data', '/srv/lxc/web/rootfs', '/var/lib/lxc/web'] },
    ]);
  });

  /** Unverified: after the directories that the documentation of Incus (Apache-2.0) names. */
  test('Incus and LXD', () => {
    const records = [
      '/var/lib/incus/containers/web\n/var/lib/incus/storage-pools/default/containers/web',
      '/var/snap/lxd/common/lxd/containers/dns\n',
    ];
    expect(parseInstances(records)).toEqual([
      { manager: 'incus', name: 'web', paths: ['/var/lib/incus/storage-pools/default/containers/web'] },
      { manager: 'lxd', name: 'dns', paths: ['/var/snap/lxd/common/lxd/containers/dns'] },
    ]);
    expect(parseMachines(['/var/lib/incus/virtual-machines/db\n/pool/db'])).toEqual([
      { manager: 'incus', name: 'db', disks: ['/pool/db'] },
    ]);
  });

  test('machines of systemd-nspawn', () => {
    const running = nspawnMachines([['/usr/bin/systemd-nspawn', '--quiet', '--machine=nest']]);
    expect(
      parseNspawn(['/var/lib/machines/nest', '/var/lib/machines/disk.raw', '/var/lib/machines/.#lock'], running),
    ).toEqual([
      { manager: 'nspawn', name: 'nest', running: true, paths: ['/var/lib/machines/nest'] },
      { manager: 'nspawn', name: 'disk', running: false, paths: ['/var/lib/machines/disk.raw'] },
    ]);
  });
});

test('a definition that is damaged is a gap, and the others still count', async ({ signal }) => {
  const [, , plain = ''] = said('virsh', 'debian12');
  const files: Record<string, string> = {
    '/etc/libvirt/qemu/bad.xml': '<domain><name>',
    '/etc/libvirt/qemu/good.xml': plain,
  };
  const grep = Object.entries(files).flatMap(([path, text]) => text.split('\n').map((line) => `${path}:${line}\n`));
  const find = ['-maxdepth', '2', '-name', '*.xml', '-type', 'f', '-exec', 'grep', '-aHE', '', '{}', '+'];
  const argv = ['find', '/etc/libvirt', '/run/libvirt', ...find];
  const questions = asker(recordedHost({ commands: [{ argv, code: 0, stdout: grep.join('') }] }), signal);
  const { guests } = await captureLibvirt(questions, { has: () => true, hidden: () => false });
  expect(guests.map(({ name }) => name)).toEqual(['test']);
  expect(questions.gaps).toMatchObject([{ subject: 'guests of libvirt', problem: expect.stringContaining('bad.xml') }]);
});

test('what a user may not even look for is named', async ({ signal }) => {
  const questions = asker(recordedHost({ commands: [] }), signal);
  const there = { has: () => false, hidden: (place: string) => place === 'docker' || place === 'proxmox' };
  expect(await captureWorkloads(questions, there, [])).toEqual({ containers: [], guests: [] });
  expect(questions.gaps).toEqual([
    { subject: 'containers', problem: 'not allowed to read /var/lib/docker/containers', hint: 'Run lifeboat as root.' },
    { subject: 'guests', problem: 'not allowed to read /etc/pve/local', hint: 'Run lifeboat as root.' },
  ]);
});

test('deployments of ostree', () => {
  const [stdout = ''] = said('ostree', 'debian12');
  expect(parseDeployments(parseContents(stdout, /\.origin:/))).toEqual([
    {
      os: 'example',
      checksum: '34afb3f687b24f6b5fac2a91597e806f7dad50fa6a0b592e3d5076286b5ee522',
      serial: 0,
      origin: 'example/stable/x86_64',
    },
  ]);
});
