/** What CRIU's errors mean and what to do about them. A table: add a row when a user hits another one. */

export interface Failure {
  /** For tests and records; never changes. */
  readonly id: string;
  /** Of one line of the log, or of CRIU's own message, without level and place. */
  readonly pattern: RegExp;
  /** In words; `$1` is what the pattern captured first. */
  readonly cause: string;
  /** What to do, in a sentence or two. */
  readonly next: string;
  /** CRIU only mentions it, and calls what follows from it an error. */
  readonly isMentioned?: true;
}

/** More particular ones first: for each line of a log the first that fits decides. */
export const failures: readonly Failure[] = [
  // Of this machine: kernel, rights, versions.
  {
    id: 'inet-passcred',
    pattern: /Can't get 1:16 opt: Operation not supported/,
    cause: 'this CRIU is too old for this kernel: before 4.2 it dumps no TCP or UDP socket on kernels from 6.16 on',
    next: 'Install CRIU 4.2 or newer.',
  },
  {
    id: 'not-root',
    pattern: /needs? to have the CAP_SYS_ADMIN|CRIU needs to have|running as non-root.*capabilit/i,
    cause: 'CRIU may not do this as this user',
    next: 'Run as root, or give CRIU the capability CAP_CHECKPOINT_RESTORE.',
    isMentioned: true,
  },
  {
    id: 'no-nftables',
    pattern: /CRIU was built without libnftables|(?:Locking network|Locking connection) failed using nftables/,
    cause: 'the connections could not be held back during the work: nftables does not work here',
    next: 'Load the kernel module nf_tables, or choose the network lock iptables.',
  },
  {
    id: 'no-iptables',
    pattern: /Iptables configuration failed|execvp\("ip6?tables[^"]*"|ip6?tables-(?:save|restore) .*failed/,
    cause: 'the connections could not be held back during the work: iptables is missing or does not work here',
    next: 'Install iptables, or choose the network lock nftables.',
  },
  {
    id: 'no-memory-tracking',
    pattern: /Tracking memory is not available/,
    cause: 'this kernel does not tell which memory was written (no CONFIG_MEM_SOFT_DIRTY)',
    next: 'Checkpoint without earlier passes, or boot a kernel that has it, such as that of Debian on x86-64.',
  },
  {
    id: 'no-lazy-pages',
    pattern: /Lazy pages are not available|userfaultfd.*(?:not|failed)/i,
    cause: 'this kernel cannot load memory after the restore (no userfaultfd)',
    next: 'Restore all memory first, or boot a kernel with CONFIG_USERFAULTFD; check sysctl vm.unprivileged_userfaultfd.',
  },
  {
    id: 'pipe-size',
    pattern: /page-pipe: splice: .*Bad file descriptor|F_SETPIPE_SZ|Can't (?:get|restore) pipe size/,
    cause: 'the pages could not be passed on, because pipes are too small here',
    next: 'sysctl -w fs.pipe-max-size=4194304 on both hosts.',
  },
  {
    id: 'vdso',
    pattern: /vdso: .*(?:not|unexpected|Can't)|Can't fixup vdso VMAs|vdso.*symbol.*missing/i,
    cause: 'this CRIU does not know the vDSO of this kernel',
    next: 'Install a newer CRIU: 3.17 does not work on kernels from 6.18 on.',
  },
  {
    id: 'cpu-features',
    pattern:
      /(?:CPU (?:instruction )?capabilities|CPU xfeatures|CPU xsave|FPU feature).*(?:match|unsupported|mismatch|required)/,
    cause: 'this processor lacks something that the checkpointed processes may use: they would end with SIGILL',
    next: 'Restore on a host whose processor has it, or start the program anew there.',
  },
  {
    id: 'criu-inside',
    pattern: /The criu itself is within dumped tree/,
    cause: 'the tree to be dumped contains lifeboat itself',
    next: 'Run lifeboat from outside of it, such as from another session or the host.',
  },
  {
    id: 'traced',
    pattern: /Unseizable non-zombie (\d+) found|Unable to interrupt task: (\d+) \(Operation not permitted\)/,
    cause: 'process $1$2 cannot be stopped: a debugger or tracer holds it, or the kernel does not allow it',
    next: 'End gdb, strace or the like; look at its TracerPid in /proc/…/status, and at sysctl kernel.yama.ptrace_scope.',
  },
  {
    id: 'freeze-timeout',
    pattern: /Unable to freeze cgroup (\S+)|Timeout reached\. Try to interrupt/,
    cause: 'not all processes could be stopped in time: one of them may wait for a disk or a network filesystem',
    next: 'Look for processes in state D (ps -eo pid,stat,wchan,comm), mend what they wait for, and try again.',
  },
  {
    id: 'no-freezer',
    pattern: /Neither a cgroupv1 \(freezer\.state\) or cgroupv2 \(cgroup\.freeze\)/,
    cause: 'the cgroup that was to be frozen has no freezer',
    next: 'Name the cgroup of the container in a hierarchy with a freezer: /sys/fs/cgroup in v2, …/freezer in v1.',
  },
  // Of the processes: what cannot be dumped.
  {
    id: 'io-uring',
    // The second is what CRIU 4.2 says on kernels that do not let such descriptors be passed.
    pattern: /of that type .*io_uring|send_fds failed \(-22\)/,
    cause: 'a process uses io_uring, which CRIU cannot dump',
    next: 'Turn it off in the program, or stop, copy and start it instead.',
  },
  {
    id: 'userfaultfd',
    pattern: /of that type .*userfaultfd/,
    cause: 'a process handles its own page faults (userfaultfd), which CRIU cannot dump',
    next: 'Stop, copy and start it instead.',
  },
  {
    id: 'perf-event',
    pattern: /of that type .*perf_event/,
    cause: 'a process counts performance events, which CRIU cannot dump',
    next: 'End the profiler, and try again.',
  },
  {
    id: 'file-type',
    pattern: /Can't dump file (\d+) of that type \[\d+\] \((.*)\)$/,
    cause: 'descriptor $1 of a process is of a kind that CRIU cannot dump: $2',
    next: 'Let the program close it before the checkpoint, or stop, copy and start it instead.',
  },
  {
    id: 'mptcp',
    pattern: /Unsupported proto (?:262|\d{3,}) for socket|GODEBUG=multipathtcp=0/,
    cause: 'a process uses Multipath TCP, which CRIU cannot dump',
    next: 'Programs in Go: start with GODEBUG=multipathtcp=0. Others: turn MPTCP off.',
  },
  {
    id: 'inet-kind',
    pattern: /Unsupported proto (\d+) for socket|Can't dump (\d+) inet socket|Unsupported socket family: (\d+)/,
    cause: 'a process has a socket of a protocol that CRIU cannot dump',
    next: 'Let the program close it before the checkpoint, or stop, copy and start it instead.',
  },
  {
    id: 'tcp-established',
    pattern: /Connected TCP socket, consider using|Connected TCP socket in image/,
    cause: 'a process has open TCP connections, and it was not said what becomes of them',
    next: 'Ask for them to be kept or closed.',
  },
  {
    id: 'tcp-close-missing',
    pattern: /Need to set the --tcp-close options/,
    cause: 'the checkpoint was made with closed connections, and the restore does not say so',
    next: 'Restore with connections closed.',
  },
  {
    id: 'tcp-in-flight',
    pattern: /In-flight connection(?: \(l\))? for/,
    cause: 'somebody is just connecting to a process',
    next: 'Try again, or skip such connections: their clients connect anew.',
  },
  {
    id: 'unix-external',
    pattern: /External socket is used|Can't dump name-less external socket|External socket found in image/,
    cause: 'a process is connected by a unix socket to one that is not checkpointed with it',
    next: 'Checkpoint both, or let external unix sockets be left: the other side sees the connection end.',
  },
  {
    id: 'unix-half',
    pattern:
      /Can't dump half of stream unix connection\. name: (.*); peer name: (.*)$|Unix socket \d+ with(?:out peer| unreachable peer)/,
    cause:
      'one end of a unix connection is in a process outside of the checkpointed tree, such as a log or message bus',
    next: 'Close that connection (journald, D-Bus), or checkpoint the other process with it.',
  },
  {
    id: 'terminal',
    pattern:
      /Found dangling tty with sid (\d+)|Found slave peer index \d+ without|Don't have tty to inherit|ctty inheritance/,
    cause: 'a process uses a terminal that is not checkpointed with it',
    next: 'Start it without a terminal (setsid, </dev/null), or checkpoint it as a job of a shell.',
  },
  {
    id: 'session-leader',
    pattern:
      /A session leader of (?:zombie process )?(\d+)\(\d+\) is outside|root process (\d+) is not a session leader/,
    cause: 'the tree belongs to a session that is led by a process outside of it',
    next: 'Checkpoint the leader of the session, start the tree with setsid, or checkpoint it as a job of a shell.',
  },
  {
    id: 'file-outside',
    pattern: /Can't lookup mount=\S+ for fd=(-?\d+) path=(.*)$/,
    cause: 'descriptor $1 of a process is /$2, which lies outside of the mounts of the container',
    next: 'Start the container with input and output from /dev/null, pipes or files inside of it.',
  },
  {
    id: 'overmounted',
    pattern: /Open files on overmounted mounts are not supported yet; mount=\d+ fd=(\d+) path=(.*)$/,
    cause: 'a process has /$2 open, over which something else is mounted',
    next: 'Unmount what covers it, or let the program close the file.',
  },
  {
    id: 'mount-root',
    pattern: /(\d+):(\S+) doesn't have a proper root mount/,
    cause: 'the bind mount at $2 shows a part of a filesystem of which CRIU sees no whole',
    next: 'Name it as an external mount (mnt[]:), so that the restore puts it there.',
  },
  {
    id: 'mount-nested',
    pattern: /Nested mount namespaces are not supported|Can't dump nested (\S+) namespace for (\d+)/,
    cause: 'a process in the tree has namespaces of its own within those of the container',
    next: 'Containers in a container and systemd services with PrivateTmp or the like: stop, copy and start instead.',
  },
  {
    id: 'mount-kind',
    pattern:
      /FS mnt (\S+) dev \S+ root \S+ unsupported|Unsupported (?:mount|filesystem)|(?:fs|FS) .*(?:unsupported|not supported)/,
    cause: 'a filesystem in the container is of a kind that CRIU cannot dump',
    next: 'Unmount it for the checkpoint, or name it as an external mount.',
  },
  {
    id: 'ghost-size',
    pattern: /Can't dump ghost file (.*) of (\d+) size, increase limit/,
    cause: 'a process holds $1 open, which is deleted, and its $2 bytes are more than may go into the images',
    next: 'Raise the limit of deleted files.',
  },
  {
    id: 'link-remap',
    pattern: /Can't create link remap for (.*)\. Use /,
    cause: 'a process holds $1 open under a name that is gone, while the file has others',
    next: 'Allow links to be made for the time of the checkpoint.',
  },
  {
    id: 'file-locks',
    pattern: /Some file locks are hold by dumping tasks/,
    cause: 'processes hold locks on files',
    next: 'Ask for the locks to be kept; nobody else may take them before the restore.',
  },
  {
    id: 'watch-handle',
    pattern: /Can't dump that handle|Can't find suitable path for handle/,
    cause: 'a process watches a file whose name CRIU cannot find (inotify on a filesystem without file handles)',
    next: 'Ask for a search of the paths (force irmap), or let the program watch another filesystem.',
  },
  {
    id: 'device',
    pattern:
      /Can't (?:dump|open) (?:chr|blk|char|block) ?(?:dev|device)|(?:nvidia|\/dev\/dri|kfd).*(?:unsupported|not supported|can't)/i,
    cause: 'a process uses a device that CRIU cannot dump',
    next: 'Install the plugin of CRIU for it (CUDA, AMD), or stop, copy and start the program instead.',
  },
  {
    id: 'stopped-thread',
    pattern:
      /Individually stopped threads not supported|Zombie thread not supported|Zombies with threads are not supported/,
    cause: 'a thread of a process is stopped or dead while others run',
    next: 'Let it go on (SIGCONT), and try again.',
  },
  {
    id: 'sysv-shm',
    pattern: /with SysVIPC shmem map @\S+ doesn't live in IPC ns/,
    cause: 'a process uses System V shared memory of the whole host',
    next: 'Run it in a container with an IPC namespace of its own.',
  },
  {
    id: 'seccomp-vsyscall',
    pattern: /Can't (?:suspend|dump) seccomp|couldn't suspend seccomp|Dumping seccomp filters not supported/,
    cause: 'the filter of system calls (seccomp) of a process cannot be read or lifted on this kernel',
    next: 'Boot a kernel with CONFIG_CHECKPOINT_RESTORE, or start the container without the filter.',
  },
  // Of the restore.
  {
    id: 'pid-taken',
    pattern: /Can't fork for (\d+): File exists|Pid (\d+) do(?:es)? not match expected (\d+)/,
    cause: 'a process number of the tree is taken on this machine',
    next: 'Restore in a PID namespace of its own, or wait until the other process has ended.',
  },
  {
    id: 'address-missing',
    pattern: /Can't (?:re)?bind.*: Cannot assign requested address|Can't connect inet socket back: Cannot assign/,
    cause: 'an address that a process listens on or is connected from does not exist here',
    next: 'Give this host or network namespace the address first (ip addr add), or restore with connections closed.',
  },
  {
    id: 'port-taken',
    pattern: /Can't (?:re)?bind.*: Address already in use/,
    cause: 'a port or a socket of the tree is taken here',
    next: 'End what uses it (ss -lpn), or restore in a network namespace of its own.',
  },
  {
    id: 'connect-back',
    pattern: /Can't connect inet socket back/,
    cause: 'a TCP connection could not be brought back: there is no route to the other side, or its interface is down',
    next: 'Set the interface up and the routes as they were, then restore again.',
  },
  {
    id: 'image-missing',
    pattern: /Unable to open (\S+\.img)|Unexpected EOF on (\(empty-image\))|Can't open dir .*: No such file/,
    cause: 'a file of the checkpoint is missing: $1',
    next: 'Take the checkpoint from where it is whole; look whether its directory is the right one.',
  },
  {
    id: 'image-damaged',
    pattern:
      /(?:Head magic|Magic) doesn't match for (\S+)|Unexpected EOF|Read \d+ bytes while \d+ expected from|Img trimmed|Can't read img file|[Ii]mage corruption|corrupted image|Images corrupted|Failed unpacking object|Can't read (?:mapping page|pages)/,
    cause: 'a file of the checkpoint is damaged or cut off',
    next: 'Take the checkpoint from another copy: this one cannot be restored.',
  },
  {
    id: 'image-version',
    pattern: /Not supported images version (\d+)|Too old image|Images .*too old criu/,
    cause: 'the checkpoint was written by another version of CRIU, which this one cannot read',
    next: 'Install the version of CRIU that wrote it.',
  },
  {
    id: 'parent-missing',
    pattern:
      /Invalid parent image directory|Can't (?:link parent snapshot|open parent path)|No parent (?:image|pagemap)/,
    cause: 'the earlier pass that this checkpoint builds on is missing',
    next: 'Bring the directory of the earlier pass to its place beside this one.',
  },
  {
    id: 'plugin-missing',
    pattern: /Missing required plugin: (\S+)/,
    cause: 'the checkpoint needs a plugin of CRIU that is not here: $1',
    next: 'Install it, of the same version as on the host where the checkpoint was made.',
  },
  {
    id: 'file-changed',
    pattern: /File (.*) has bad (?:size|build-ID|mode)/,
    cause: 'the file $1 is not the one that was open at the checkpoint',
    next: 'Bring back the file as it was (same version of the package, same image).',
  },
  {
    id: 'file-missing',
    pattern: /Can't open file (.*?)(?: on restore)?: No such file or directory/,
    cause: 'a file that was open at the checkpoint is missing: $1',
    next: 'Bring it back first: the files of a tree belong to its checkpoint.',
  },
  {
    id: 'program-missing',
    pattern: /Can't open (?:exe|executable)|Can't find (?:exe|target) file/,
    cause: 'the program of a process is missing here',
    next: 'Install the same version of it as on the host of the checkpoint.',
  },
  {
    id: 'lsm',
    pattern:
      /(?:apparmor|selinux) LSM specified but \S+ not supported|can't write lsm profile|couldn't open apparmor load file|Invalid selinux context/i,
    cause: 'the security profile of the processes (AppArmor, SELinux) does not exist here',
    next: 'Load the profile on this host first, or start the container without one.',
  },
  {
    id: 'user-namespace',
    pattern: /(?:uid_map|gid_map|setgroups).*(?:denied|not permitted|failed)|Can't set (?:uid|gid) map/i,
    cause: 'the users of the container cannot be mapped here',
    next: 'Restore as root; compare /etc/subuid and /etc/subgid with those of the host of the checkpoint.',
  },
  {
    id: 'cgroup-missing',
    pattern: /Can't move (?:\S+ )?into (\S+)|cg: .*(?:Can't|Unable|Fail)|cgroups? .*(?:hybrid|not found)/i,
    cause: 'the cgroups of the processes could not be made or entered here',
    next: 'Keep the path of the cgroup the same on both hosts; look whether both have cgroup v1 or both v2.',
  },
  {
    id: 'page-server',
    pattern: /Can't connect to server (\S+)|Can't connect to server|page.?server.*(?:refused|reset|failed)/i,
    cause: 'the page server of the other host cannot be reached',
    next: 'Look whether it runs, at the firewall between the hosts, and that both have the same version of CRIU.',
    isMentioned: true,
  },
  {
    id: 'lazy-failed',
    pattern: /Lazy pages transfer FAILED/,
    cause: 'the memory could not be sent after the restore',
    next: 'sysctl -w fs.pipe-max-size=4194304 on both hosts, and look at the connection between them.',
  },
  // Of any work: what every program runs out of.
  {
    id: 'no-space',
    pattern: /No space left on device|Disk quota exceeded/,
    cause: 'there is no space left for the images',
    next: 'Make room, or choose another directory: it takes about as much as the memory of the processes.',
  },
  {
    id: 'no-memory',
    pattern: /Cannot allocate memory|Out of memory|Not enough memory/,
    cause: 'there is not enough memory',
    next: 'Free some, or raise the memory limit of the cgroup.',
  },
  {
    id: 'too-many-files',
    pattern: /Too many open files/,
    cause: 'the limit of open files is too low for this tree',
    next: 'Raise it (ulimit -n, LimitNOFILE=), and sysctl fs.nr_open where needed.',
  },
  {
    id: 'no-process',
    pattern: /No such process|A root task is dead/,
    cause: 'the process to be dumped is not there any more',
    next: 'Look for its number again, and try again.',
  },
  {
    id: 'denied',
    pattern: /(.+): (?:Permission denied|Operation not permitted)$/,
    cause: 'the kernel does not allow something: $1',
    next: 'Run as root, outside of a container; look at AppArmor, SELinux and the lockdown mode of the kernel.',
  },
];
