import { expect, test } from 'vitest';
import { explain, explained } from './explain.ts';
import { failures } from './failures.ts';

/** A line for each row, as CRIU 4.2 writes it; those in `test/criu/failures.test.ts` are provoked as well. */
const lines: Readonly<Record<string, string>> = {
  'inet-passcred': "(00.020771) Error (criu/sockets.c:555): sockets: Can't get 1:16 opt: Operation not supported",
  'no-nftables': '(00.010000) Error (criu/netfilter.c:226): Locking network failed using nftables',
  'no-iptables': '(00.010000) Error (criu/netfilter.c:105): Iptables configuration failed',
  'no-memory-tracking':
    '(00.001000) Error (criu/config.c:1130): Tracking memory is not available. Consider omitting --track-mem option.',
  'no-lazy-pages': '(00.001000) Error (criu/kerndat.c:1350): Lazy pages are not available',
  'pipe-size': '(00.400000) Error (criu/page-pipe.c:501): page-pipe: splice: -1: Bad file descriptor',
  vdso: "(00.050000) Error (criu/cr-dump.c:1668): Can't fixup vdso VMAs (pid: 812)",
  'cpu-features': '(00.004000) Error (criu/arch/x86/cpu.c:297): cpu: CPU capabilities do not match run time',
  'criu-inside': '(00.002000) Error (compel/src/lib/infect.c:259): The criu itself is within dumped tree.',
  traced: '(00.002000) Error (compel/src/lib/infect.c:268): Unseizable non-zombie 4711 found, state S, err -1/1',
  'freeze-timeout': '(10.002000) Error (criu/cr-dump.c:1808): Timeout reached. Try to interrupt: 0',
  'no-freezer':
    '(00.002000) Error (criu/seize.c:1043): Neither a cgroupv1 (freezer.state) or cgroupv2 (cgroup.freeze) control file found.',
  'io-uring': "(00.02) Error (criu/files-ext.c:94): Can't dump file 4 of that type [600] (anon anon_inode:[io_uring])",
  userfaultfd:
    "(00.02) Error (criu/files-ext.c:94): Can't dump file 4 of that type [600] (anon anon_inode:[userfaultfd])",
  'perf-event':
    "(00.02) Error (criu/files-ext.c:94): Can't dump file 4 of that type [600] (anon anon_inode:[perf_event])",
  'file-type': "(00.02) Error (criu/files-ext.c:94): Can't dump file 7 of that type [20666] (chr 10:232)",
  mptcp: '(00.02) Error (criu/sk-inet.c:129): inet: Unsupported proto 262 for socket 1f',
  'inet-kind': '(00.02) Error (criu/sk-inet.c:131): inet: Unsupported proto 33 for socket 1f',
  'tcp-established':
    '(00.02) Error (criu/sk-inet.c:186): inet: Connected TCP socket, consider using --tcp-established option.',
  'tcp-close-missing': '(00.02) Error (criu/image.c:92): Need to set the --tcp-close options.',
  'tcp-in-flight': '(00.02) Error (criu/sk-inet.c:170): inet: In-flight connection (l) for 1f',
  'unix-external':
    '(00.02) Error (criu/sk-unix.c:874): unix: External socket is used. Consider using --ext-unix-sk option.',
  'unix-half':
    "(00.02) Error (criu/sk-unix.c:881): unix: Can't dump half of stream unix connection. name: (null); peer name: (null)",
  terminal: '(00.02) Error (criu/tty.c:2084): tty: Found dangling tty with sid 12 pgid 12 (pts) on peer fd 0.',
  'session-leader': '(00.02) Error (criu/cr-dump.c:1377): A session leader of 41(41) is outside of its pid namespace',
  'file-outside': "(00.02) Error (criu/files-reg.c:1790): Can't lookup mount=45 for fd=1 path=dev/null",
  overmounted:
    '(00.02) Error (criu/files-reg.c:1802): Open files on overmounted mounts are not supported yet; mount=4 fd=3 path=a/b',
  'mount-root': "(00.02) Error (criu/mount.c:753): mnt: 523:./etc/hosts doesn't have a proper root mount",
  'mount-nested': "(00.02) Error (criu/namespaces.c:460): Can't dump nested mnt namespace for 14",
  'mount-kind': '(00.02) Error (criu/mount.c:1650): mnt: FS mnt ./data dev 0x33 root / unsupported id 7b',
  'ghost-size': "(00.02) Error (criu/files-reg.c:1031): Can't dump ghost file /tmp/x of 2097152 size, increase limit",
  'link-remap': "(00.02) Error (criu/files-reg.c:1181): Can't create link remap for /tmp/x. Use link-remap option.",
  'file-locks':
    '(00.02) Error (criu/file-lock.c:117): Some file locks are hold by dumping tasks! You can try --file-locks to dump them.',
  'watch-handle': "(00.02) Error (criu/fsnotify.c:300): fsnotify: \tCan't dump that handle",
  device: '(00.02) Error (criu/files-ext.c:90): /dev/dri/card0 not supported',
  'stopped-thread': '(00.02) Error (criu/seize.c:800): Individually stopped threads not supported',
  'sysv-shm': "(00.02) Error (criu/cr-dump.c:446): Task 12 with SysVIPC shmem map @7f6700 doesn't live in IPC ns",
  'seccomp-vsyscall': '(00.02) Error (criu/cr-check.c:804): Dumping seccomp filters not supported',
  'pid-taken': "(00.002) Error (criu/cr-restore.c:1237): Can't fork for 9225: File exists",
  'address-missing':
    "(00.02)   4711: Error (criu/sk-inet.c:1056): inet: Can't bind inet socket (id 4): Cannot assign requested address",
  'port-taken':
    "(00.02)   4711: Error (criu/sk-inet.c:1056): inet: Can't bind inet socket (id 4): Address already in use",
  'connect-back': "(00.02)   4711: Error (soccr/soccr.c:529): Can't connect inet socket back: Network is unreachable",
  'image-missing': '(00.02) Error (criu/image.c:635): Unable to open pages-1.img: No such file or directory',
  'image-damaged': "(00.02) Error (criu/image.c:563): Magic doesn't match for core-1.img",
  'image-version': '(00.02) Error (criu/image.c:76): Not supported images version 3',
  'parent-missing':
    '(00.02) Error (criu/image.c:742): Invalid parent image directory provided: No such file or directory',
  'plugin-missing': '(00.02) Error (criu/image.c:120): Missing required plugin: cuda_plugin',
  'file-changed': '(00.02)   4711: Error (criu/files-reg.c:2175): File usr/bin/python3.13 has bad size 7 (expect 100)',
  'file-missing':
    "(00.02)   4711: Error (criu/files-reg.c:2353): Can't open file var/log/x on restore: No such file or directory",
  'program-missing': "(00.02)   4711: Error (criu/files.c:1400): Can't open executable",
  lsm: '(00.02) Error (criu/lsm.c:406): apparmor LSM specified but apparmor not supported by kernel',
  'user-namespace': "(00.02) Error (criu/namespaces.c:1400): Can't set uid map: Operation not permitted",
  'cgroup-missing': "(00.02)      1: Error (criu/cgroup.c:1267): cg: Can't move into unified//lbA/cgroup.procs (-1/-1)",
  'page-server': "(00.02) Can't connect to server 127.0.0.1:9",
  'lazy-failed': '(00.02) Error (criu/cr-dump.c:1970): Lazy pages transfer FAILED.',
  'no-space': "(00.02) Error (criu/image.c:800): Can't write img file: No space left on device",
  'no-memory': "(00.02) Error (criu/cr-restore.c:900): Can't mmap: Cannot allocate memory",
  'too-many-files': "(00.02) Error (criu/files.c:900): Can't dup: Too many open files",
  'no-process': '(00.02) Warn  (compel/src/lib/infect.c:132): Unable to interrupt task: 4194302 (No such process)',
  denied: "(00.02) Error (criu/image.c:660): Can't open dir /x: Permission denied",
  'not-root': 'Error CRIU needs to have the CAP_SYS_ADMIN or the CAP_CHECKPOINT_RESTORE capability:',
};

test('every row of the table has a line, and there are more than thirty', () => {
  expect(Object.keys(lines).toSorted()).toEqual(failures.map(({ id }) => id).toSorted());
  expect(failures.length).toBeGreaterThan(30);
  expect(new Set(failures.map(({ id }) => id)).size).toBe(failures.length);
});

test.each(Object.entries(lines))('%s', (id, line) => {
  const before =
    "(00.000926) Error (criu/util.c:1534): rlimit: Can't setup RLIMIT_NOFILE for self: Operation not permitted";
  const found = explained([before, line].join('\n'));
  expect(found?.failure.id).toBe(id);
  expect(found?.cause).not.toMatch(/\$\d|undefined/);
  expect(found?.failure.next).toMatch(/[.)]$/);
});

test.each([
  [lines['ghost-size'], 'a process holds /tmp/x open, which is deleted, and its 2097152 bytes'],
  [lines['file-changed'], 'the file usr/bin/python3.13 is not the one'],
  [lines['traced'], 'process 4711 cannot be stopped'],
  [lines['mount-root'], 'the bind mount at ./etc/hosts'],
])('what the line names is in the words: %s', (line = '', words) => {
  expect(explained(line)?.cause).toContain(words);
});

test('the first error decides, and what follows from it does not', () => {
  const log = [lines['io-uring'], lines['no-space'], '(00.1) Error (criu/cr-dump.c:1975): Dumping FAILED.'].join('\n');
  expect(explained(log)?.failure.id).toBe('io-uring');
});

test('an unknown failure is told by the first error that means something', () => {
  const log = `(00.1) Error (criu/x.c:1): rlimit: Can't setup RLIMIT_NOFILE for self: Operation not permitted
(00.2)    12: Error (criu/y.c:2): Something \u001b[31mnew
(00.3) Error (criu/cr-dump.c:1975): Dumping FAILED.`;
  const error = explain('dump', { type: 'dump', success: false, errno: 3 }, log, '/images/dump.log');
  expect(error.message).toBe('dump: CRIU says: Something \\x1b[31mnew (errno 3)');
  expect(error.hint).toContain('/images/dump.log');
  const silent = explain('restore', { type: 'restore', success: false }, '', undefined);
  expect(silent.message).toBe('restore: CRIU failed and does not say why');
});
