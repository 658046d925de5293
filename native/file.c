/* What Node's fs lacks for files: names relative to an open directory, nanoseconds, devices, flags, holes, locks. */
#define _GNU_SOURCE
#include "common.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* openat2 came with Linux 5.6; the headers of an older system do not know it, though its kernel may. */
#ifndef SYS_openat2
#define SYS_openat2 437
#endif
struct how {
  uint64_t flags;
  uint64_t mode;
  uint64_t resolve;
};

/* (dirfd, path, flags, mode, resolve) → fd */
static napi_value openat2_(napi_env env, napi_callback_info info) {
  struct call call = begin(env, info);
  int dirfd = (int)number_at(&call, 0);
  const char *path = text_at(&call, 1);
  struct how how = {
      .flags = (uint64_t)number_at(&call, 2),
      .mode = (uint64_t)number_at(&call, 3),
      .resolve = (uint64_t)number_at(&call, 4),
  };
  if (call.bad) return refuse(&call);
  return number_result(&call, syscall(SYS_openat2, dirfd, path, &how, sizeof how));
}

/* A time in two arguments: whole seconds, and nanoseconds or null to leave that time as it is. */
static struct timespec time_at(struct call *call, int index) {
  if (!is_number_at(call, index + 1)) return (struct timespec){.tv_nsec = UTIME_OMIT};
  return (struct timespec){.tv_sec = number_at(call, index), .tv_nsec = (long)number_at(call, index + 1)};
}

/* (dirfd, path, atime s, atime ns, mtime s, mtime ns, flags) */
static napi_value utimensat_(napi_env env, napi_callback_info info) {
  struct call call = begin(env, info);
  int dirfd = (int)number_at(&call, 0);
  const char *path = text_at(&call, 1);
  struct timespec times[2] = {time_at(&call, 2), time_at(&call, 4)};
  int flags = (int)number_at(&call, 6);
  if (call.bad) return refuse(&call);
  return number_result(&call, utimensat(dirfd, path, times, flags));
}

/* (dirfd, path, mode with type, major, minor) */
static napi_value mknodat_(napi_env env, napi_callback_info info) {
  struct call call = begin(env, info);
  int dirfd = (int)number_at(&call, 0);
  const char *path = text_at(&call, 1);
  mode_t mode = (mode_t)number_at(&call, 2);
  dev_t device = makedev((unsigned)number_at(&call, 3), (unsigned)number_at(&call, 4));
  if (call.bad) return refuse(&call);
  return number_result(&call, mknodat(dirfd, path, mode, device));
}

static napi_value mkdirat_(napi_env env, napi_callback_info info) {
  struct call call = begin(env, info);
  int dirfd = (int)number_at(&call, 0);
  const char *path = text_at(&call, 1);
  mode_t mode = (mode_t)number_at(&call, 2);
  if (call.bad) return refuse(&call);
  return number_result(&call, mkdirat(dirfd, path, mode));
}

static napi_value unlinkat_(napi_env env, napi_callback_info info) {
  struct call call = begin(env, info);
  int dirfd = (int)number_at(&call, 0);
  const char *path = text_at(&call, 1);
  int flags = (int)number_at(&call, 2);
  if (call.bad) return refuse(&call);
  return number_result(&call, unlinkat(dirfd, path, flags));
}

/* The ioctl's number speaks of a long, but the kernel reads and writes an int. */
static napi_value get_flags(napi_env env, napi_callback_info info) {
  struct call call = begin(env, info);
  int fd = (int)number_at(&call, 0);
  if (call.bad) return refuse(&call);
  unsigned int flags = 0;
  int result = ioctl(fd, FS_IOC_GETFLAGS, &flags);
  return number_result(&call, result < 0 ? result : (int64_t)flags);
}

static napi_value set_flags(napi_env env, napi_callback_info info) {
  struct call call = begin(env, info);
  int fd = (int)number_at(&call, 0);
  unsigned int flags = (unsigned int)number_at(&call, 1);
  if (call.bad) return refuse(&call);
  return number_result(&call, ioctl(fd, FS_IOC_SETFLAGS, &flags));
}

/* (fd, offset as a bigint, whence) → offset as a bigint */
static napi_value lseek_(napi_env env, napi_callback_info info) {
  struct call call = begin(env, info);
  int fd = (int)number_at(&call, 0);
  int64_t offset = 0;
  bool lossless = false;
  napi_get_value_bigint_int64(env, call.argument[1], &offset, &lossless);
  int whence = (int)number_at(&call, 2);
  if (call.bad || !lossless) return refuse(&call);
  return bigint_result(&call, lseek(fd, offset, whence));
}

static napi_value flock_(napi_env env, napi_callback_info info) {
  struct call call = begin(env, info);
  int fd = (int)number_at(&call, 0);
  int operation = (int)number_at(&call, 1);
  if (call.bad) return refuse(&call);
  return number_result(&call, flock(fd, operation));
}

/* (bytes that it should hold) → both ends in one number, the writing one above 2^31. Fewer where the limit for users is. */
static napi_value pipe_(napi_env env, napi_callback_info info) {
  struct call call = begin(env, info);
  int size = (int)number_at(&call, 0);
  if (call.bad) return refuse(&call);
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) < 0) return number_result(&call, -1);
  (void)fcntl(ends[0], F_SETPIPE_SZ, size);
  return number_result(&call, ((int64_t)ends[1] << 31) | ends[0]);
}

void define_file(napi_env env, napi_value exports) {
  define_verb(env, exports, "openat2", openat2_);
  define_verb(env, exports, "utimensat", utimensat_);
  define_verb(env, exports, "mknodat", mknodat_);
  define_verb(env, exports, "mkdirat", mkdirat_);
  define_verb(env, exports, "unlinkat", unlinkat_);
  define_verb(env, exports, "getFlags", get_flags);
  define_verb(env, exports, "setFlags", set_flags);
  define_verb(env, exports, "lseek", lseek_);
  define_verb(env, exports, "flock", flock_);
  define_verb(env, exports, "pipe", pipe_);
}
