/*
 * confine [--ro PATH]... --rw DIRECTORY [--over DIRECTORY PLACE]... [--no-devices] -- COMMAND [ARGUMENT]...
 *
 * Runs a command that can write to one directory and to nothing else of this machine's files, whatever names it is
 * made to use: absolute ones, `..`, and symlinks, also those that somebody else puts there meanwhile. There is simply
 * nothing else: the command's root is an empty, read-only tmpfs with
 *   - each --ro PATH at its own name, read-only with everything mounted below it; a symlink stays a symlink, and what
 *     does not exist is left out;
 *   - the --rw directory as /target, where the command starts, with everything mounted below it;
 *   - each --over DIRECTORY at its PLACE in there (`/a/b` is /target/a/b), so that one tree can lie on several filesystems;
 *   - /dev/null.
 * Root keeps its capabilities, since restoring needs them: this holds programs that mean well but read hostile data.
 * It does not hold a hostile program that runs as root.
 *
 * --no-devices: in /target, device files can still be made, but not opened.
 *
 * Exit status: the command's; 125 if the room could not be set up, 127 if the command could not be started. Dies with
 * its parent.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

/*
 * Where the new root is put together. It needs a directory that is there on every system, that no user can rename, and
 * that nobody wants to see inside: what is mounted on top of it would be copied along with --rw.
 */
#define ROOT "/proc"

/* Newer than the headers of systems that this has to compile on. */
#ifndef SYS_mount_setattr
#define SYS_mount_setattr 442
#endif
#ifndef SYS_close_range
#define SYS_close_range 436
#endif
#define ATTRIBUTE_RDONLY 0x1
#define ATTRIBUTE_NOSUID 0x2
#define ATTRIBUTE_NODEV 0x4
#define ATTRIBUTE_RECURSIVE 0x8000
struct attributes {
  uint64_t set;
  uint64_t clear;
  uint64_t propagation;
  uint64_t userns_fd;
};

struct options {
  char **ro;
  int ro_count;
  const char *rw;
  /* Directory and place in turn. */
  char **over;
  int over_count;
  bool no_devices;
  char **command;
};

__attribute__((noreturn, format(printf, 2, 3))) static void die(int error, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  fputs("confine: ", stderr);
  vfprintf(stderr, format, arguments);
  va_end(arguments);
  if (error != 0) fprintf(stderr, ": %s", strerror(error));
  fputc('\n', stderr);
  exit(125);
}

static void need(int result, const char *what, const char *subject) {
  if (result < 0) die(errno, *subject ? "%s %s" : "%s%s", what, subject);
}

/* Whether a path is absolute, not the root, and free of empty, `.` and `..` components. */
static bool is_plain(const char *path) {
  if (*path != '/') return false;
  while (*path == '/') {
    const char *name = path + 1;
    size_t length = strcspn(name, "/");
    if (length == 0 || (length == 1 && name[0] == '.') || (length == 2 && name[0] == '.' && name[1] == '.')) return false;
    path = name + length;
  }
  return true;
}

static bool is_at_or_below(const char *path, const char *directory) {
  size_t length = strlen(directory);
  return strncmp(path, directory, length) == 0 && (path[length] == '/' || path[length] == '\0');
}

static struct options parse(int argc, char **argv) {
  struct options options = {
      .ro = calloc((size_t)argc + 1, sizeof(char *)),
      .over = calloc((size_t)argc + 1, sizeof(char *)),
  };
  if (options.ro == NULL || options.over == NULL) die(errno, "start");
  int index = 1;
  for (; index < argc && strcmp(argv[index], "--") != 0; index++) {
    if (strcmp(argv[index], "--no-devices") == 0) {
      options.no_devices = true;
      continue;
    }
    if (strcmp(argv[index], "--over") == 0) {
      char *directory = argv[++index];
      char *place = directory == NULL ? NULL : argv[++index];
      if (place == NULL) die(EINVAL, "--over without a directory and a place");
      if (!is_plain(directory) || is_at_or_below(directory, ROOT)) die(EINVAL, "--over %s", directory);
      if (!is_plain(place)) die(EINVAL, "--over %s %s", directory, place);
      options.over[options.over_count++] = directory;
      options.over[options.over_count++] = place;
      continue;
    }
    bool ro = strcmp(argv[index], "--ro") == 0;
    if (!ro && strcmp(argv[index], "--rw") != 0) die(EINVAL, "option %s", argv[index]);
    char *path = argv[++index];
    if (path == NULL) die(EINVAL, "%s without a path", argv[index - 1]);
    if (!ro) {
      if (options.rw != NULL) die(EINVAL, "second --rw %s", path);
      options.rw = path;
      continue;
    }
    if (!is_plain(path) || is_at_or_below(path, ROOT) || is_at_or_below(path, "/target")) die(EINVAL, "--ro %s", path);
    options.ro[options.ro_count++] = path;
  }
  if (options.rw == NULL) die(EINVAL, "--rw is missing");
  if (index + 1 >= argc) die(EINVAL, "command is missing");
  options.command = argv + index + 1;
  return options;
}

static void write_file(const char *path, const char *text) {
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  need(fd, "open", path);
  need((int)write(fd, text, strlen(text)), "write", path);
  close(fd);
}

static void own_namespace(void) {
  uid_t uid = geteuid();
  gid_t gid = getegid();
  if (uid == 0) {
    need(unshare(CLONE_NEWNS), "unshare", "");
  } else {
    char map[64];
    need(unshare(CLONE_NEWUSER | CLONE_NEWNS), "unshare", "(unprivileged user namespaces may be off)");
    write_file("/proc/self/setgroups", "deny");
    snprintf(map, sizeof map, "%u %u 1", uid, uid);
    write_file("/proc/self/uid_map", map);
    snprintf(map, sizeof map, "%u %u 1", gid, gid);
    write_file("/proc/self/gid_map", map);
  }
  if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) {
    /* In a chroot whose root is a plain directory, no mount could be made private, and all would be seen outside. */
    if (errno == EINVAL) die(errno, "/ is not a mount point (in a chroot: bind-mount its root onto itself first)");
    die(errno, "make private /");
  }
}

/* Makes the parents of a path in the new root. A symlink among them could lead out of it. */
static void make_parents(char *path) {
  for (char *slash = strchr(path + sizeof ROOT, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
    struct stat found;
    *slash = '\0';
    if (mkdir(path, 0755) < 0 && errno != EEXIST) die(errno, "mkdir %s", path);
    need(lstat(path, &found), "stat", path);
    if (!S_ISDIR(found.st_mode)) die(ENOTDIR, "%s", path);
    *slash = '/';
  }
}

/* An empty directory or file at `path` to mount on, unless something like it is there already. */
static void make_mount_point(const char *path, bool directory) {
  struct stat found;
  if (lstat(path, &found) == 0) {
    if (S_ISLNK(found.st_mode) || S_ISDIR(found.st_mode) != directory) die(EEXIST, "%s", path);
  } else if (directory) {
    need(mkdir(path, 0755), "mkdir", path);
  } else {
    int fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0444);
    need(fd, "create", path);
    close(fd);
  }
}

static int set_attributes(const char *path, uint64_t set) {
  struct attributes attributes = {.set = set};
  return (int)syscall(SYS_mount_setattr, AT_FDCWD, path, ATTRIBUTE_RECURSIVE, &attributes, sizeof attributes);
}

/* Adds mount flags to one mount, keeping those it has: in a user namespace they may not be taken off. */
static void remount(const char *path, unsigned long flags) {
  struct statvfs now;
  need(statvfs(path, &now), "statvfs", path);
  if (now.f_flag & ST_NOSUID) flags |= MS_NOSUID;
  if (now.f_flag & ST_NODEV) flags |= MS_NODEV;
  if (now.f_flag & ST_NOEXEC) flags |= MS_NOEXEC;
  if (now.f_flag & ST_NOATIME) flags |= MS_NOATIME;
  if (now.f_flag & ST_NODIRATIME) flags |= MS_NODIRATIME;
  if (now.f_flag & ST_RELATIME) flags |= MS_RELATIME;
  if (now.f_flag & ST_RDONLY) flags |= MS_RDONLY;
  need(mount(NULL, path, NULL, MS_REMOUNT | MS_BIND | flags, NULL), "remount", path);
}

/* Shows `source` at `path` of the new root, with everything mounted below it, under restrictions (0 for none). */
static void bind(const char *source, const char *path, uint64_t set) {
  need(mount(source, path, NULL, MS_BIND | MS_REC, NULL), "bind", source);
  if (set == 0 || set_attributes(path, set) == 0) return;
  if (errno != ENOSYS) die(errno, "restrict %s", source);
  /* Before Linux 5.12 a tree of mounts cannot be restricted at once, so the mounts below stay out. */
  need(umount2(path, MNT_DETACH), "unmount", path);
  need(mount(source, path, NULL, MS_BIND, NULL), "bind", source);
  remount(path, (set & ATTRIBUTE_RDONLY ? MS_RDONLY : 0) | (set & ATTRIBUTE_NOSUID ? MS_NOSUID : 0) |
                    (set & ATTRIBUTE_NODEV ? MS_NODEV : 0));
}

static void show_read_only(const char *source, uint64_t set) {
  struct stat found;
  if (lstat(source, &found) < 0) {
    if (errno == ENOENT || errno == ENOTDIR) return;
    die(errno, "stat %s", source);
  }
  char path[PATH_MAX];
  if (snprintf(path, sizeof path, "%s%s", ROOT, source) >= (int)sizeof path) die(ENAMETOOLONG, "--ro %s", source);
  make_parents(path);
  if (S_ISLNK(found.st_mode)) {
    char link[PATH_MAX];
    ssize_t length = readlink(source, link, sizeof link - 1);
    need((int)length, "readlink", source);
    link[length] = '\0';
    need(symlink(link, path), "symlink", path);
    return;
  }
  make_mount_point(path, S_ISDIR(found.st_mode));
  bind(source, path, set);
}

static void build_root(const struct options *options) {
  struct stat rw, root;
  /* The new root covers what a relative path might need, so the directory is found first; `.` stays what it is. */
  need(chdir(options->rw), "chdir", options->rw);
  need(stat(".", &rw), "stat", options->rw);
  need(stat("/", &root), "stat", "/");
  if (rw.st_dev == root.st_dev && rw.st_ino == root.st_ino) die(EINVAL, "--rw %s is the whole machine", options->rw);

  need(mount("confine", ROOT, "tmpfs", MS_NOSUID | MS_NODEV, "mode=755,size=1m"), "mount tmpfs on", ROOT);
  for (int index = 0; index < options->ro_count; index++) {
    show_read_only(options->ro[index], ATTRIBUTE_RDONLY | ATTRIBUTE_NOSUID | ATTRIBUTE_NODEV);
  }
  show_read_only("/dev/null", ATTRIBUTE_RDONLY | ATTRIBUTE_NOSUID);
  need(mkdir(ROOT "/target", 0755), "mkdir", ROOT "/target");
  bind(".", ROOT "/target", options->no_devices ? ATTRIBUTE_NODEV : 0);
  for (int index = 0; index < options->over_count; index += 2) {
    char path[PATH_MAX];
    const char *place = options->over[index + 1];
    if (snprintf(path, sizeof path, ROOT "/target%s", place) >= (int)sizeof path) die(ENAMETOOLONG, "--over %s", place);
    make_parents(path);
    make_mount_point(path, true);
    bind(options->over[index], path, options->no_devices ? ATTRIBUTE_NODEV : 0);
  }
  need(chdir(ROOT), "chdir", ROOT);
}

static void enter_root(void) {
  /* Old and new root at the same place: the old one is then on top, and is what `.` unmounts. */
  if (syscall(SYS_pivot_root, ".", ".") == 0) {
    need(umount2(".", MNT_DETACH), "unmount", "the old root");
  } else if (errno == EINVAL) {
    /* The root is an initramfs or a chroot, which cannot be pivoted: cover it, as switch_root does. */
    need(mount(".", "/", NULL, MS_MOVE, NULL), "move", ROOT);
    need(chroot("."), "chroot", ROOT);
  } else {
    die(errno, "pivot_root");
  }
  need(chdir("/"), "chdir", "/");
  need(mount(NULL, "/", NULL, MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV, NULL), "make read-only", "/");
  need(chdir("/target"), "chdir", "/target");
}

/* An open directory of the old root would be a way back. */
static void close_inherited(void) {
  if (syscall(SYS_close_range, 3U, ~0U, 0U) == 0) return;
  long limit = sysconf(_SC_OPEN_MAX);
  for (int fd = 3; fd < limit; fd++) close(fd);
}

int main(int argc, char **argv) {
  pid_t parent = getppid();
  struct options options = parse(argc, argv);
  close_inherited();
  own_namespace();
  mode_t mask = umask(022);
  build_root(&options);
  enter_root();
  umask(mask);
  /* Last, because entering a user namespace takes it back. */
  need(prctl(PR_SET_PDEATHSIG, SIGKILL), "prctl", "");
  if (getppid() != parent) die(0, "the parent is gone");
  execvp(options.command[0], options.command);
  fprintf(stderr, "confine: %s: %s\n", options.command[0], strerror(errno));
  return 127;
}
