/*
 * SHA-256 of whole files, read on a thread of libuv's pool: many small ones in one turn, several turns at once, and the main thread
 * is free meanwhile.
 */
#define _GNU_SOURCE
#include "common.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define MOST_AT_ONCE (1024 * 1024)

/* As src/native/hash-file.ts reads it. */
struct told {
  unsigned char digest[32];
  uint32_t flags;     /* as lsattr shows them */
  uint32_t has_flags; /* 0 where the filesystem knows none */
  int64_t bytes;      /* or -errno */
};

/* Shared by all that are hashed together. */
struct control {
  int64_t stop; /* not 0: no more is to be read */
  int64_t bytes; /* so many were read */
};

struct hash_files {
  struct task task;
  const char *paths; /* each ends in NUL */
  size_t paths_length;
  bool fresh; /* what is in memory is let go of first, so that it comes from the device */
  struct control *control;
  struct told *told; /* of each path one */
};

static int open_quietly(const char *path) {
  const int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
  int fd = open(path, flags | O_NOATIME);
  /* Only the owner and root may leave the time of access as it is. */
  return fd < 0 && errno == EPERM ? open(path, flags) : fd;
}

/* -errno, or the number of bytes; sets *problem where the library fails. */
static int64_t hash_content(struct hash_files *job, int fd, void *context, unsigned char *buffer) {
  int64_t total = 0;
  for (;;) {
    if (__atomic_load_n(&job->control->stop, __ATOMIC_RELAXED) != 0) return -ECANCELED;
    ssize_t length = read(fd, buffer, MOST_AT_ONCE);
    if (length < 0 && errno == EINTR) continue;
    if (length < 0) return -errno;
    if (length == 0) return total;
    total += length;
    __atomic_fetch_add(&job->control->bytes, length, __ATOMIC_RELAXED);
    if (!hash_more(context, buffer, (size_t)length)) job->task.problem = "hashing failed";
  }
}

static int64_t hash_open_file(struct hash_files *job, int fd, unsigned char *buffer, struct told *told) {
  struct stat found;
  if (fstat(fd, &found) < 0) return -errno;
  /* Something else is in its place by now. */
  if (!S_ISREG(found.st_mode)) return -ESTALE;
  void *context = hash_begin();
  if (context == NULL) return -ENOMEM;
  if (job->fresh) (void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
  (void)posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
  int64_t bytes = hash_content(job, fd, context, buffer);
  /* As many files as there are would push everything else out of memory. */
  if (job->fresh) (void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
  int flags = 0;
  told->has_flags = ioctl(fd, FS_IOC_GETFLAGS, &flags) == 0;
  told->flags = (uint32_t)flags;
  if (!hash_end(context, told->digest)) job->task.problem = "hashing failed";
  return bytes;
}

static void hash_files(struct task *task) {
  struct hash_files *job = (struct hash_files *)task;
  unsigned char *buffer = malloc(MOST_AT_ONCE);
  struct told *told = job->told;
  for (const char *path = job->paths; path < job->paths + job->paths_length; path += strlen(path) + 1, told++) {
    int fd = buffer == NULL ? -1 : open_quietly(path);
    told->bytes = buffer == NULL ? -ENOMEM : fd < 0 ? -errno : hash_open_file(job, fd, buffer, told);
    if (fd >= 0) close(fd);
  }
  free(buffer);
}

static size_t count_paths(const char *paths, size_t length) {
  size_t count = 0;
  for (size_t at = 0; at < length; at++)
    if (paths[at] == 0) count++;
  return count;
}

/* (paths, fresh: 0 or 1, control, told) → promise of 0, or of what was wrong as text */
static napi_value hash_files_(napi_env env, napi_callback_info info) {
  struct call call = begin(env, info);
  struct hash_files job = {.task.work = hash_files};
  size_t control_length = 0, told_length = 0;
  job.paths = bytes_at(&call, 0, &job.paths_length);
  job.fresh = number_at(&call, 1) != 0;
  job.control = (void *)bytes_at(&call, 2, &control_length);
  job.told = (void *)bytes_at(&call, 3, &told_length);
  if (call.bad || job.paths_length == 0 || job.paths[job.paths_length - 1] != 0 || control_length != sizeof *job.control ||
      told_length != count_paths(job.paths, job.paths_length) * sizeof *job.told ||
      (uintptr_t)job.control % _Alignof(struct control) != 0 || (uintptr_t)job.told % _Alignof(struct told) != 0)
    call.bad = true;
  return start_task(&call, &job.task, sizeof job);
}

void define_hash_file(napi_env env, napi_value exports) {
  define_verb(env, exports, "hashFiles", hash_files_);
}
