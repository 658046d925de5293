/*
 * zeros: whether places of a device hold nothing but zeros, in one process instead of one for each place.
 *
 *   zeros DEVICE OFFSET LENGTH [OFFSET LENGTH]...
 *
 * Exit status as that of cmp(1): 0 all of them do, 1 one does not, or ends before, 2 it cannot be read. Memory that somebody else filled is
 * good enough: what is asked is what the kernel knows to be there.
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CANNOT = 2 };

static char buffer[1 << 20];

static uint64_t number(const char *text) {
  char *end;
  errno = 0;
  unsigned long long value = strtoull(text, &end, 10);
  if (errno != 0 || *text < '0' || *text > '9' || *end != '\0' || value > INT64_MAX) errx(CANNOT, "no number of bytes: %s", text);
  return value;
}

static int is_zero(int fd, uint64_t offset, uint64_t length) {
  while (length > 0) {
    ssize_t count = pread(fd, buffer, length < sizeof buffer ? length : sizeof buffer, (off_t)offset);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) err(CANNOT, "cannot read at %llu", (unsigned long long)offset);
    if (count == 0) return 0;
    /* Each byte equals the one before it, and the first is zero. */
    if (buffer[0] != 0 || memcmp(buffer, buffer + 1, (size_t)count - 1) != 0) return 0;
    offset += (uint64_t)count;
    length -= (uint64_t)count;
  }
  return 1;
}

int main(int count, char **words) {
  if (count < 4 || count % 2 != 0) errx(CANNOT, "usage: zeros DEVICE OFFSET LENGTH [OFFSET LENGTH]...");
  int fd = open(words[1], O_RDONLY | O_CLOEXEC);
  if (fd < 0) err(CANNOT, "cannot open %s", words[1]);
  for (int index = 2; index < count; index += 2)
    if (!is_zero(fd, number(words[index]), number(words[index + 1]))) return 1;
  return 0;
}
