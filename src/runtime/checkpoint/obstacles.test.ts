/** What speaks against a checkpoint, out of what /proc and ss say: their lines here are as Linux 6.18 and iproute2 6.15 print them. */
import { describe, expect, test } from 'vitest';
import {
  type Observed,
  openConnections,
  outsideSockets,
  parseSockets,
  processObstacles,
  waitingConnections,
} from './obstacles.ts';

function observed(pid: number, more: Partial<Observed> = {}): Observed {
  const namespaces = new Map([
    ['pid', 'pid:[4026532100]'],
    ['pid_for_children', 'pid:[4026532100]'],
    ['mnt', 'mnt:[4026532098]'],
    ['user', 'user:[4026531837]'],
  ]);
  return {
    pid,
    name: 'app',
    files: new Map(),
    namespaces,
    mapped: [],
    mountOf: new Map(),
    semaphores: new Set(),
    watches: [],
    mounts: new Set([87, 88]),
    ...more,
  };
}

describe('processes', () => {
  test('what every container has is no obstacle', () => {
    const files = new Map([
      [0, '/dev/null'],
      [1, 'pipe:[1713019]'],
      [2, '/dev/pts/0'],
      [3, 'anon_inode:[eventpoll]'],
      [4, 'anon_inode:inotify'],
      [5, '/var/log/app.log (deleted)'],
      [6, 'socket:[1713021]'],
      [7, '/dev/shm/buffer'],
    ]);
    const mountOf = new Map([
      [0, 88],
      [5, 87],
    ]);
    expect(processObstacles([observed(1, { files, mountOf }), observed(2)])).toEqual([]);
  });

  test('an eventfd that is a semaphore would be none after a restore', () => {
    expect(processObstacles([observed(1, { semaphores: new Set([5]) })])).toEqual([
      expect.stringContaining('semaphore'),
    ]);
  });

  test.each([
    ['anon_inode:[io_uring]', 'io_uring'],
    ['anon_inode:[userfaultfd]', 'userfaultfd'],
    ['anon_inode:[perf_event]', 'perf'],
    ['anon_inode:bpf-prog', 'BPF'],
    ['anon_inode:kvm-vm', 'KVM'],
    ['/dev/nvidia0', 'the device /dev/nvidia0'],
    ['/dev/fuse', 'the device /dev/fuse'],
  ])('%s is one, whether it is open or mapped', (target, word) => {
    expect(processObstacles([observed(1, { files: new Map([[3, target]]) })])).toEqual([expect.stringContaining(word)]);
    expect(processObstacles([observed(1, { mapped: [target] })])).toEqual([expect.stringContaining(word)]);
  });

  test('a file that lies outside of the mounts that it sees', () => {
    const one = observed(1, { files: new Map([[1, '/tmp/a.log']]), mountOf: new Map([[1, 412]]) });
    expect(processObstacles([one])).toEqual([
      'process 1 (app) has /tmp/a.log open as descriptor 1, which lies outside of the container',
    ]);
  });

  test('namespaces within its own: of processes they are one, of mounts they are none', () => {
    const inner = new Map([...observed(1).namespaces, ['pid', 'pid:[4026532200]'], ['mnt', 'mnt:[4026532201]']]);
    expect(processObstacles([observed(1), observed(7, { namespaces: inner })])).toEqual([
      "process 7 (app) is in a pid namespace within the container's, which CRIU cannot dump",
    ]);
    const made = new Map([...observed(1).namespaces, ['pid_for_children', 'pid:[4026532300]']]);
    expect(processObstacles([observed(1, { namespaces: made })])).toHaveLength(1);
  });
});

describe('sockets', () => {
  const unix = [
    'u_seq LISTEN 0      10     /proc/self/fd/13/attach 1713021 * 0      ',
    'u_str ESTAB  0      0                            * 1713586 * 1713587',
    'u_str ESTAB  0      0      /run/app socket         1713587 * 1713586',
    'u_str ESTAB  0      0                            * 2000001 * 3000001',
    'u_dgr UNCONN 0      0                            * 2000002 * 0',
  ];
  const tcp = [
    'LISTEN 0 1 127.0.0.1:35911 0.0.0.0:* ino:500 sk:1 cgroup:/ <->',
    'ESTAB 0 0 127.0.0.1:35911 127.0.0.1:54572 ino:501 sk:2 cgroup:/ <->',
    'ESTAB 0 0 127.0.0.1:54572 127.0.0.1:35911 ino:502 sk:3 cgroup:/ <->',
  ];
  const sockets = parseSockets([...unix, ...tcp].join('\n'));
  const having = (...inodes: readonly string[]): Observed =>
    observed(1, { files: new Map(inodes.map((inode, fd) => [fd, `socket:[${inode}]`])) });

  test('connections with both ends inside, and sockets that only listen, are no obstacle', () => {
    expect(outsideSockets([having('1713021', '1713586', '1713587', '2000002')], sockets)).toEqual([]);
  });

  test('one with its other end outside is', () => {
    expect(outsideSockets([having('2000001')], sockets)).toEqual([expect.stringContaining('unix connection')]);
    expect(outsideSockets([having('1713586'), having()], sockets)).toHaveLength(1);
  });

  test('open connections are counted, of these processes alone', () => {
    expect(openConnections([having('500', '501')], sockets)).toBe(1);
    expect(openConnections([having('500', '501'), having('502')], sockets)).toBe(2);
    expect(openConnections([having('500')], sockets)).toBe(0);
  });

  test.each(['SYN-SENT', 'FIN-WAIT-1', 'FIN-WAIT-2', 'CLOSE-WAIT', 'LAST-ACK', 'CLOSING'])(
    'one in the state %s counts among them, and one that nobody has open any more does not',
    (state) => {
      const line = `${state} 0 0 127.0.0.1:54572 127.0.0.1:35911 ino:700 sk:3 cgroup:/ <->`;
      const orphan = `${state} 0 0 127.0.0.1:54573 127.0.0.1:35911 ino:0 sk:4 cgroup:/ <->`;
      expect(openConnections([having('700')], parseSockets([...tcp, line, orphan].join('\n')))).toBe(1);
    },
  );

  test('connections that wait to be accepted are an obstacle, of these processes alone', () => {
    const line = 'LISTEN 2 128 127.0.0.1:35912 0.0.0.0:* ino:800 sk:5 cgroup:/ <->';
    const all = parseSockets([...tcp, line].join('\n'));
    expect(waitingConnections([having('500', '501')], all)).toEqual([]);
    expect(waitingConnections([having('500', '800')], all)).toEqual([expect.stringContaining('2 connections waiting')]);
  });
});
