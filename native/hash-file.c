/* SHA-256 of a whole file, read on a thread of libuv's pool: several at once, and the main thread is free meanwhile. */
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
};

/* Shared by all that are hashed together. */
struct control {
  int64_t stop; /* not 0: no more is to be read */
  int64_t bytes; /* so many were read */
};

struct hash_file {
  struct task task;
  const char *path;
  bool fresh; /* what is in memory is let go of first, so that it comes from the device */
  struct control *control;
  struct told *told;
};

static int open_quietly(const char *path) {
  const int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
  int fd = open(path, flags | O_NOATIME);
  /* Only the owner and root may leave the time of access as it is. */
  return fd < 0 && errno == EPERM ? open(path, flags) : fd;
}

/* -errno, or the number of bytes; sets task->problem where the library fails. */
static int64_t hash_open_file(struct hash_file *job, int fd, void *context, unsigned char *buffer, size_t room) {
  int64_t total = 0;
  for (;;) {
    if (__atomic_load_n(&job->control->stop, __ATOMIC_RELAXED) != 0) return -ECANCELED;
    ssize_t length = read(fd, buffer, room);
    if (length < 0 && errno == EINTR) continue;
    if (length < 0) return -errno;
    if (length == 0) return total;
    total += length;
    __atomic_fetch_add(&job->control->bytes, length, __ATOMIC_RELAXED);
    if (!hash_more(context, buffer, (size_t)length)) {
      job->task.problem = "hashing failed";
      return 0;
    }
  }
}

static void hash_file(struct task *task) {
  struct hash_file *job = (struct hash_file *)task;
  struct stat found;
  int fd = open_quietly(job->path);
  if (fd < 0) {
    task->result = -errno;
    return;
  }
  if (fstat(fd, &found) < 0) task->result = -errno;
  /* Something else is in its place by now. */
  else if (!S_ISREG(found.st_mode)) task->result = -ESTALE;
  else {
    size_t room = found.st_size < MOST_AT_ONCE ? (size_t)found.st_size + 1 : MOST_AT_ONCE;
    unsigned char *buffer = malloc(room);
    void *context = hash_begin();
    if (job->fresh) (void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    (void)posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    if (buffer == NULL || context == NULL) task->result = -ENOMEM;
    else task->result = hash_open_file(job, fd, context, buffer, room);
    /* As many files as there are would push everything else out of memory. */
    if (job->fresh) (void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    int flags = 0;
    job->told->has_flags = ioctl(fd, FS_IOC_GETFLAGS, &flags) == 0;
    job->told->flags = (uint32_t)flags;
    if (!hash_end(context, job->told->digest)) task->problem = "hashing failed";
    free(buffer);
  }
  close(fd);
}

/* (path, fresh: 0 or 1, control, told) → promise of the number of bytes or -errno, or of what was wrong as text */
static napi_value hash_file_(napi_env env, napi_callback_info info) {
  struct call call = begin(env, info);
  struct hash_file job = {.task.work = hash_file};
  size_t control_length = 0, told_length = 0;
  job.path = text_at(&call, 0);
  job.fresh = number_at(&call, 1) != 0;
  job.control = (void *)bytes_at(&call, 2, &control_length);
  job.told = (void *)bytes_at(&call, 3, &told_length);
  if (control_length != sizeof *job.control || told_length != sizeof *job.told ||
      (uintptr_t)job.control % _Alignof(struct control) != 0 || (uintptr_t)job.told % _Alignof(struct told) != 0)
    call.bad = true;
  return start_task(&call, &job.task, sizeof job);
}

void define_hash_file(napi_env env, napi_value exports) {
  define_verb(env, exports, "hashFile", hash_file_);
}
