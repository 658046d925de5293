/*
 * flags: the attribute flags of files in the letters of lsattr, but of any name, and in half its time.
 *
 *   flags < names
 *
 * Names are absolute, each closed by a NUL. Prints "<letters> <name>\0" for each regular file or directory that has any, in
 * the order of the names; nothing of what is gone, cannot be opened, or lies on a filesystem without flags.
 * It is a program of its own, because a dead network mount holds whoever opens a file there for ever.
 */
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

/* In the order of lsattr; src/engine/entry.ts has the same letters, and says which are not among them. */
static const struct {
  unsigned int bit;
  char letter;
} kept[] = {
    {FS_SECRM_FL, 's'},  {FS_UNRM_FL, 'u'},   {FS_SYNC_FL, 'S'},         {FS_DIRSYNC_FL, 'D'}, {FS_IMMUTABLE_FL, 'i'},
    {FS_APPEND_FL, 'a'}, {FS_NODUMP_FL, 'd'}, {FS_NOATIME_FL, 'A'},      {FS_COMPR_FL, 'c'},   {FS_JOURNAL_DATA_FL, 'j'},
    {FS_NOTAIL_FL, 't'}, {FS_TOPDIR_FL, 'T'}, {FS_NOCOW_FL, 'C'}, {FS_PROJINHERIT_FL, 'P'},
};
#define KEPT (sizeof kept / sizeof *kept)

/* Neither waits for the other end of a pipe, nor follows a symlink that was put in the place of the file. */
static unsigned int flags_of(const char *path) {
  int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC);
  if (fd < 0) return 0;
  struct stat status;
  unsigned int flags = 0;
  /* A device may take the number of the call for another one. */
  bool told = fstat(fd, &status) == 0 && (S_ISREG(status.st_mode) || S_ISDIR(status.st_mode)) &&
              ioctl(fd, FS_IOC_GETFLAGS, &flags) == 0;
  close(fd);
  return told ? flags : 0;
}

static void print(const char *name, unsigned int flags) {
  char letters[KEPT + 1];
  size_t count = 0;
  for (size_t index = 0; index < KEPT; index++)
    if (flags & kept[index].bit) letters[count++] = kept[index].letter;
  letters[count] = '\0';
  if (count > 0 && printf("%s %s%c", letters, name, '\0') < 0) err(1, "cannot write");
}

int main(void) {
  char *name = NULL;
  size_t room = 0;
  while (getdelim(&name, &room, '\0', stdin) > 0) print(name, flags_of(name));
  if (ferror(stdin)) err(1, "cannot read");
  if (fflush(stdout) != 0) err(1, "cannot write");
  return 0;
}
