/*
 * Preloaded, it lets a program of root's believe that it is user 1000, and owns what it has made. PostgreSQL refuses to be root's, and where
 * this machine gives its root no CAP_SYS_RESOURCE, CRIU can dump none but root's processes.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/types.h>

uid_t geteuid(void) { return 1000; }
uid_t getuid(void) { return 1000; }

int stat(const char *path, struct stat *found) {
  int result = fstatat(AT_FDCWD, path, found, 0);
  if (result == 0 && found->st_uid == 0) found->st_uid = 1000;
  return result;
}
