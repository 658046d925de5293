/*
 * The small process that `lifeboat doctor` has CRIU dump and restore: what such a process usually has, and nothing of this machine.
 *
 *   criu-probe hold           makes a network of its own with loopback, prints its pid, and stays until its input ends
 *   criu-probe work COUNTER   at each tick of a timer sends one byte to itself over a TCP connection, and when it arrives adds one
 *                             to the first number in the file COUNTER; the second is its pid: 8 bytes each, in the byte order of the machine
 *
 * Ends with 1 and a message where it cannot.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define TICK_NANOSECONDS 5000000

static int checked(int result, const char *what) {
  if (result < 0) {
    perror(what);
    exit(1);
  }
  return result;
}

static int hold(void) {
  struct ifreq loopback = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
  char byte;
  checked(unshare(CLONE_NEWNET), "unshare");
  int fd = checked(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket");
  checked(ioctl(fd, SIOCSIFFLAGS, &loopback), "lo");
  checked(dprintf(STDOUT_FILENO, "%d\n", (int)getpid()), "write");
  while (read(STDIN_FILENO, &byte, 1) > 0) continue;
  return 0;
}

/* Away from terminal, pipes and session of whoever started it: they are not in the dump. */
static void stand_alone(void) {
  int null = checked(open("/dev/null", O_RDWR), "/dev/null");
  for (int fd = 0; fd <= STDERR_FILENO; fd++) checked(dup2(null, fd), "dup2");
  if (null > STDERR_FILENO) close(null);
  setsid();
}

static int work(const char *path) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  struct itimerspec ticks = {.it_value.tv_nsec = TICK_NANOSECONDS, .it_interval.tv_nsec = TICK_NANOSECONDS};
  socklen_t size = sizeof address;
  uint64_t count = 0, pid = (uint64_t)getpid();
  sigset_t tick;
  timer_t timer;
  char byte = 0;
  int counter = checked(open(path, O_RDWR | O_CREAT, 0600), path);
  checked((int)pwrite(counter, &pid, sizeof pid, sizeof count), path);
  int listener = checked(socket(AF_INET, SOCK_STREAM, 0), "socket");
  checked(bind(listener, (struct sockaddr *)&address, size), "bind");
  checked(listen(listener, 1), "listen");
  checked(getsockname(listener, (struct sockaddr *)&address, &size), "getsockname");
  int here = checked(socket(AF_INET, SOCK_STREAM, 0), "socket");
  checked(connect(here, (struct sockaddr *)&address, size), "connect");
  int there = checked(accept(listener, NULL, NULL), "accept");
  /* Not a timerfd: one that expires while it is frozen CRIU restores so that it never does again. */
  sigemptyset(&tick);
  sigaddset(&tick, SIGALRM);
  sigprocmask(SIG_BLOCK, &tick, NULL);
  checked(timer_create(CLOCK_MONOTONIC, NULL, &timer), "timer");
  checked(timer_settime(timer, 0, &ticks, NULL), "timer");
  stand_alone();
  for (;;) {
    while (sigwaitinfo(&tick, NULL) < 0) continue;
    checked((int)write(here, &byte, 1), "send");
    if (checked((int)read(there, &byte, 1), "receive") == 0) return 1;
    count++;
    checked((int)pwrite(counter, &count, sizeof count, 0), path);
  }
}

int main(int argc, char **argv) {
  if (argc == 2 && strcmp(argv[1], "hold") == 0) return hold();
  if (argc == 3 && strcmp(argv[1], "work") == 0) return work(argv[2]);
  fprintf(stderr, "usage: criu-probe hold | criu-probe work COUNTER\n");
  return 1;
}
