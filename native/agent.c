/*
 * lifeboat-agent [--listen SOCKET]
 *
 * The loop, and the state in which the agent and all that it starts live. agent.h says what it is.
 *
 * --listen: on a unix socket in place of the port, for tests. One host at a time.
 */
#define _GNU_SOURCE
#include "agent.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

void die(const char *what) {
  fprintf(stderr, "lifeboat-agent: %s: %s\n", what, strerror(errno));
  exit(1);
}

void *need(void *memory) {
  if (memory == NULL) die("memory");
  return memory;
}

/* Newer than the headers of systems that this has to compile on. */
#ifndef SYS_close_range
#define SYS_close_range 436
#endif

void close_from(int first) {
  if (syscall(SYS_close_range, (unsigned)first, ~0U, 0U) == 0) return;
  long limit = sysconf(_SC_OPEN_MAX);
  for (int fd = first; fd < limit; fd++) close(fd);
}

/* What commands inherit: `/`, files that nobody else may write, an empty stdin, and no descriptor but the first three. */
static void settle(void) {
  int null;
  /* Also takes the place of those that are not open. */
  do null = open("/dev/null", O_RDWR);
  while (null >= 0 && null < 3);
  if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0) die("/dev/null");
  close_from(3);
  umask(022);
  signal(SIGPIPE, SIG_IGN);
  /* What a command leaves behind becomes ours, so that it is reaped, also where init is a script. */
  prctl(PR_SET_CHILD_SUBREAPER, 1);
}

static int watch_children(void) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGCHLD);
  sigprocmask(SIG_BLOCK, &set, NULL);
  int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
  if (fd < 0) die("signalfd");
  return fd;
}

static int sooner(int first, int second) {
  if (first < 0 || second < 0) return first < 0 ? second : first;
  return first < second ? first : second;
}

int main(int argc, char **argv) {
  bool listens = argc == 3 && strcmp(argv[1], "--listen") == 0;
  if (argc != 1 && !listens) {
    fputs("usage: lifeboat-agent [--listen SOCKET]\n", stderr);
    return 2;
  }
  settle();
  if (listens) port_listen(argv[2]);
  /* Only now, as that name may be a relative one. */
  if (chdir("/") < 0) die("/");
  int children = watch_children();
  struct pollfd *set = NULL;
  size_t room = 0;
  for (;;) {
    size_t count = 2 + POLLS * commands_count();
    if (room < count) set = need(realloc(set, (room = 2 * count) * sizeof *set));
    set[0] = (struct pollfd){.fd = children, .events = POLLIN};
    set[1] = port_poll();
    commands_poll(set + 2);
    if (poll(set, count, sooner(port_patience(), commands_patience())) < 0) {
      if (errno == EINTR) continue;
      die("poll");
    }
    commands_serve(set + 2);
    if (set[0].revents != 0) {
      struct signalfd_siginfo seen;
      while (read(children, &seen, sizeof seen) > 0) continue;
    }
    commands_reap();
    port_serve(set[1].revents);
  }
}
