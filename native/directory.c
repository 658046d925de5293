/*
 * What a directory holds, with what is asked of every entry in a walk: on a thread of libuv's pool, since each entry takes
 * system calls of its own.
 */
#define _GNU_SOURCE
#include "common.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

/* Of one entry, each closed by a NUL: its name, and those that `describe` writes. */
#define FIELDS 11

struct names {
  char **list;
  size_t count, room;
};

struct job {
  napi_async_work work;
  napi_deferred deferred;
  char path[PATH_MAX];
  char *text;
  size_t length, room;
  int error;
};

static bool append(struct job *job, const char *bytes, size_t length) {
  if (length > job->room - job->length) {
    size_t room = 2 * job->room + length + 4096;
    char *text = realloc(job->text, room);
    if (text == NULL) {
      job->error = ENOMEM;
      return false;
    }
    job->text = text;
    job->room = room;
  }
  memcpy(job->text + job->length, bytes, length);
  job->length += length;
  return true;
}

/* Nanoseconds since 1970 in decimal, of which 64 bits hold too few. */
static void print_time(char *text, size_t size, struct timespec time) {
  long long seconds = time.tv_sec;
  long nanoseconds = time.tv_nsec;
  const char *sign = seconds < 0 ? "-" : "";
  if (seconds < 0) {
    seconds = -seconds;
    if (nanoseconds > 0) {
      seconds--;
      nanoseconds = 1000000000 - nanoseconds;
    }
  }
  if (seconds == 0) snprintf(text, size, "%s%ld", sign, nanoseconds);
  else snprintf(text, size, "%s%lld%09ld", sign, seconds, nanoseconds);
}

static char kind_of(mode_t mode) {
  if (S_ISREG(mode)) return 'f';
  if (S_ISDIR(mode)) return 'd';
  if (S_ISLNK(mode)) return 'l';
  if (S_ISFIFO(mode)) return 'p';
  return S_ISSOCK(mode) ? 's' : '?';
}

/*
 * The fields of the entry that job->path names. They are empty where something is the matter, where it has attributes,
 * and for devices: who asks has to look for himself.
 */
static bool describe(struct job *job) {
  static const char nothing[FIELDS - 1];
  char facts[256], time[40], link[PATH_MAX];
  struct stat found;
  ssize_t length = 0;
  if (lstat(job->path, &found) < 0) return append(job, nothing, sizeof nothing);
  char kind = kind_of(found.st_mode);
  if (kind == '?') return append(job, nothing, sizeof nothing);
  ssize_t attributes = llistxattr(job->path, NULL, 0);
  if (attributes > 0 || (attributes < 0 && errno != ENOTSUP)) return append(job, nothing, sizeof nothing);
  if (kind == 'l') {
    length = readlink(job->path, link, sizeof link);
    if (length < 0 || length == sizeof link) return append(job, nothing, sizeof nothing);
  }
  print_time(time, sizeof time, found.st_mtim);
  int size = snprintf(facts, sizeof facts, "%c%c%u%c%u%c%u%c%lld%c%s%c%llu%c%llu%c%llu%c", kind, 0,
                      (unsigned)found.st_mode & 07777, 0, (unsigned)found.st_uid, 0, (unsigned)found.st_gid, 0,
                      (long long)found.st_size, 0, time, 0, (unsigned long long)found.st_dev, 0,
                      (unsigned long long)found.st_ino, 0, (unsigned long long)found.st_nlink, 0);
  return append(job, facts, (size_t)size) && append(job, link, (size_t)length) && append(job, "", 1);
}

static int by_bytes(const void *a, const void *b) {
  return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool add_name(struct names *names, const char *name) {
  if (names->count == names->room) {
    size_t room = 2 * names->room + 64;
    char **list = realloc(names->list, room * sizeof *list);
    if (list == NULL) return false;
    names->list = list;
    names->room = room;
  }
  char *copy = strdup(name);
  if (copy != NULL) names->list[names->count++] = copy;
  return copy != NULL;
}

/* Sets job->error where they cannot be read. */
static void read_names(struct job *job, struct names *names) {
  int fd = open(job->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  DIR *directory = fd < 0 ? NULL : fdopendir(fd);
  if (directory == NULL) {
    job->error = errno;
    if (fd >= 0) close(fd);
    return;
  }
  struct dirent *entry;
  while (errno = 0, (entry = readdir(directory)) != NULL) {
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
    if (!add_name(names, entry->d_name)) break;
  }
  if (errno != 0) job->error = errno;
  closedir(directory);
}

static void execute(napi_env env, void *data) {
  (void)env;
  static const char nothing[FIELDS - 1];
  struct job *job = data;
  struct names names = {0};
  if (job->error == 0) read_names(job, &names);
  if (names.count > 0) qsort(names.list, names.count, sizeof *names.list, by_bytes);
  size_t end = strlen(job->path);
  job->path[end++] = '/';
  for (size_t index = 0; index < names.count && job->error == 0; index++) {
    const char *name = names.list[index];
    size_t size = strlen(name) + 1;
    if (!append(job, name, size)) break;
    if (size > sizeof job->path - end) {
      append(job, nothing, sizeof nothing);
      continue;
    }
    memcpy(job->path + end, name, size);
    describe(job);
  }
  for (size_t index = 0; index < names.count; index++) free(names.list[index]);
  free(names.list);
}

static void complete(napi_env env, napi_status status, void *data) {
  struct job *job = data;
  napi_value result = NULL;
  if (status != napi_ok) job->error = ECANCELED;
  if (job->error == 0 &&
      napi_create_buffer_copy(env, job->length, job->length == 0 ? "" : job->text, NULL, &result) != napi_ok)
    job->error = ENOMEM;
  if (job->error != 0) napi_create_int64(env, -job->error, &result);
  napi_resolve_deferred(env, job->deferred, result);
  napi_delete_async_work(env, job->work);
  free(job->text);
  free(job);
}

/* (path) → promise of the entries in the order of their bytes, FIELDS each, or of -errno */
static napi_value read_directory(napi_env env, napi_callback_info info) {
  struct call call = begin(env, info);
  const char *path = text_at(&call, 0);
  if (call.bad) return refuse(&call);
  struct job *job = calloc(1, sizeof *job);
  if (job == NULL) return refuse(&call);
  size_t length = strlen(path);
  /* Where only a slash fits behind it, nothing below can be named, and there is room for that slash all the same. */
  if (length < sizeof job->path) memcpy(job->path, path, length);
  else job->error = ENAMETOOLONG;
  napi_value promise = NULL, name = NULL;
  napi_create_promise(env, &job->deferred, &promise);
  napi_create_string_utf8(env, "readDirectory", NAPI_AUTO_LENGTH, &name);
  napi_create_async_work(env, NULL, name, execute, complete, job, &job->work);
  napi_queue_async_work(env, job->work);
  return promise;
}

void define_directory(napi_env env, napi_value exports) {
  define_verb(env, exports, "readDirectory", read_directory);
}
