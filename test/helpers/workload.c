/*
 * A program for checkpoints to be tried on: it uses what programs use, all of it all the time, and says how far each has come.
 *
 *   workload PORT MIB RATE DIRECTORY
 *
 * Answers on PORT over TCP and UDP: a request of 8 bytes, any number, is given back with how many the workload has answered since its start on
 * that socket, 8 bytes each, in the byte order of the machine. A line "state\n" over TCP is answered by one line of JSON: a number for each thing
 * that is used, which only grows; "wrong", which counts what was not as it should have been; and "line", where the first of that was seen. MIB of memory are filled, and RATE of them written to each
 * second; DIRECTORY is one to make files in.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <pty.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096
#define SERVED 64

static int checked(int result, const char *what) {
  if (result < 0) {
    perror(what);
    exit(1);
  }
  return result;
}

static _Atomic uint64_t pipes, locals, events, timers, watched, shared, segments, gone, terminals, rounds, wrong, first_line;

static void expected(int is_right, uint64_t line) {
  if (is_right) return;
  if (wrong++ == 0) first_line = line;
}

#define expect(is_right) expected(is_right, __LINE__)

static void rest(long milliseconds) {
  struct timespec time = {milliseconds / 1000, milliseconds % 1000 * 1000000};
  while (nanosleep(&time, &time) < 0 && errno == EINTR) continue;
}

#define UNDER_WAY 3

/* Numbers are sent one way and have to arrive in their order; some of them are always under way, also while it is frozen. */
static _Noreturn void passed_on(int to, int from, _Atomic uint64_t *count) {
  uint64_t sent = 0, came = 0;
  for (; sent < UNDER_WAY; sent++) expect(write(to, &sent, sizeof sent) == sizeof sent);
  for (;; sent++) {
    expect(write(to, &sent, sizeof sent) == sizeof sent);
    expect(read(from, &came, sizeof came) == sizeof came && came == sent - UNDER_WAY);
    (*count)++;
    rest(5);
  }
}

static _Noreturn void *over_pipe(void *unused) {
  int ends[2];
  (void)unused;
  checked(pipe(ends), "pipe");
  passed_on(ends[1], ends[0], &pipes);
}

static char directory[80];

static _Noreturn void *over_unix_socket(void *unused) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  (void)unused;
  snprintf(address.sun_path, sizeof address.sun_path, "%s/socket", directory);
  unlink(address.sun_path);
  int listener = checked(socket(AF_UNIX, SOCK_STREAM, 0), "socket");
  checked(bind(listener, (struct sockaddr *)&address, sizeof address), "bind");
  checked(listen(listener, 1), "listen");
  int here = checked(socket(AF_UNIX, SOCK_STREAM, 0), "socket");
  checked(connect(here, (struct sockaddr *)&address, sizeof address), "connect");
  int there = checked(accept(listener, NULL, NULL), "accept");
  passed_on(here, there, &locals);
}

static _Noreturn void *over_eventfd(void *unused) {
  int fd = checked(eventfd(0, 0), "eventfd");
  uint64_t one = 1, more = 2, got;
  (void)unused;
  for (;;) {
    expect(write(fd, &one, 8) == 8);
    expect(write(fd, &more, 8) == 8);
    expect(read(fd, &got, 8) == 8 && got == 3);
    events++;
    rest(5);
  }
}

static _Noreturn void *by_timer(void *unused) {
  struct itimerspec ticks = {.it_value.tv_nsec = 5000000, .it_interval.tv_nsec = 5000000};
  struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN};
  timer_t timer;
  sigset_t tick;
  (void)unused;
  sigemptyset(&tick);
  sigaddset(&tick, SIGRTMIN);
  checked(timer_create(CLOCK_MONOTONIC, &event, &timer), "timer");
  checked(timer_settime(timer, 0, &ticks, NULL), "timer");
  for (;;) {
    if (sigwaitinfo(&tick, NULL) == SIGRTMIN) timers++;
  }
}

static _Noreturn void *by_inotify(void *unused) {
  int fd = checked(inotify_init1(0), "inotify");
  char path[100], buffer[4096] __attribute__((aligned(8)));
  (void)unused;
  snprintf(path, sizeof path, "%s/watched", directory);
  checked(inotify_add_watch(fd, directory, IN_CLOSE_WRITE | IN_DELETE), "watch");
  for (;;) {
    close(checked(open(path, O_CREAT | O_WRONLY, 0600), path));
    expect(unlink(path) == 0);
    for (int seen = 0; seen < 2;) {
      ssize_t got = read(fd, buffer, sizeof buffer);
      expect(got > 0);
      for (char *at = buffer; at < buffer + got;) {
        struct inotify_event *event = (struct inotify_event *)at;
        seen += event->len > 0 && strcmp(event->name, "watched") == 0;
        at += sizeof *event + event->len;
      }
    }
    watched++;
    rest(10);
  }
}

/* Written by a child, read by its parent: once in memory without a name, once in a segment of System V. */
static _Atomic uint64_t *unnamed, *segment;

static _Noreturn void child(void) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  for (;;) {
    (*unnamed)++;
    (*segment)++;
    rest(5);
  }
}

static _Noreturn void *of_child(void *unused) {
  (void)unused;
  for (;;) {
    expect(*unnamed >= shared && *segment >= segments);
    shared = *unnamed;
    segments = *segment;
    rest(5);
  }
}

/* A file that has no name any more keeps what is written to it. */
static _Noreturn void *in_deleted_file(void *unused) {
  char path[100], page[PAGE], back[PAGE];
  (void)unused;
  snprintf(path, sizeof path, "%s/deleted", directory);
  int fd = checked(open(path, O_CREAT | O_RDWR | O_TRUNC, 0600), path);
  expect(unlink(path) == 0);
  for (uint64_t number = 0;; number++) {
    memset(page, (int)number, sizeof page);
    expect(pwrite(fd, page, PAGE, (off_t)(number % 16 * PAGE)) == PAGE);
    if (number > 0) {
      uint64_t before = number - 1;
      memset(page, (int)before, sizeof page);
      expect(pread(fd, back, PAGE, (off_t)(before % 16 * PAGE)) == PAGE && memcmp(page, back, PAGE) == 0);
    }
    gone++;
    rest(5);
  }
}

static _Noreturn void *over_terminal(void *unused) {
  int master, slave;
  struct termios raw;
  (void)unused;
  checked(openpty(&master, &slave, NULL, NULL, NULL), "pty");
  checked(tcgetattr(slave, &raw), "tty");
  cfmakeraw(&raw);
  raw.c_cc[VMIN] = 0;
  raw.c_cc[VTIME] = 10;
  checked(tcsetattr(slave, TCSANOW, &raw), "tty");
  for (uint64_t sent = 0, came = 0;; sent++) {
    expect(write(master, &sent, sizeof sent) == sizeof sent);
    ssize_t got = read(slave, &came, sizeof came);
    /* What is in a terminal while it is frozen is in no image. */
    if (got == 0) continue;
    expect(got == sizeof came && came == sent);
    terminals++;
    rest(5);
  }
}

/* Each page says which it is and how often it was written; both have to fit wherever it is looked at. */
static char *memory;
static uint64_t pages, pages_per_second;

static uint64_t mixed(uint64_t x) {
  x ^= x >> 33;
  x *= 0xff51afd7ed558ccdULL;
  x ^= x >> 33;
  x *= 0xc4ceb9fe1a85ec53ULL;
  return x ^ x >> 33;
}

static void fill(uint64_t number, uint64_t written) {
  uint64_t *words = (uint64_t *)(memory + number * PAGE);
  words[0] = number;
  words[1] = written;
  /* So that no tool finds it to compress well. */
  for (int i = 2; i < PAGE / 8; i++) words[i] = mixed(number << 32 ^ written << 10 ^ (uint64_t)i);
}

static int is_whole(uint64_t number) {
  uint64_t *words = (uint64_t *)(memory + number * PAGE);
  if (words[0] != number) return 0;
  for (int i = 2; i < PAGE / 8; i += 31)
    if (words[i] != mixed(number << 32 ^ words[1] << 10 ^ (uint64_t)i)) return 0;
  return 1;
}

static _Noreturn void *in_memory(void *unused) {
  struct timespec now, start;
  uint64_t done = 0;
  (void)unused;
  clock_gettime(CLOCK_MONOTONIC, &start);
  for (;;) {
    clock_gettime(CLOCK_MONOTONIC, &now);
    double seconds = (double)(now.tv_sec - start.tv_sec) + (double)(now.tv_nsec - start.tv_nsec) / 1e9;
    uint64_t due = (uint64_t)(seconds * (double)pages_per_second);
    /* After a pause nothing is made up for. */
    if (due > done + pages) done = due - pages;
    for (; done < due; done++) {
      uint64_t number = done % pages;
      expect(is_whole(number));
      fill(number, done);
      if (number == 0) rounds++;
    }
    rest(2);
  }
}

static int is_whole_memory(void) {
  for (uint64_t number = 0; number < pages; number++)
    if (((uint64_t *)(memory + number * PAGE))[0] != number) return 0;
  return 1;
}

static void tell(int fd) {
  char line[1000];
  expect(is_whole_memory());
  int length = snprintf(line, sizeof line,
    "{\"pipes\":%lu,\"locals\":%lu,\"events\":%lu,\"timers\":%lu,\"watched\":%lu,\"shared\":%lu,\"segments\":%lu,\"gone\":%lu,"
    "\"terminals\":%lu,\"rounds\":%lu,\"wrong\":%lu,\"line\":%lu}\n",
    pipes, locals, events, timers, watched, shared, segments, gone, terminals, rounds, wrong, first_line);
  expect(write(fd, line, (size_t)length) == length);
}

static _Noreturn void serve(int port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_ANY), .sin_port = htons((uint16_t)port)};
  struct epoll_event event = {.events = EPOLLIN}, ready[8];
  struct { int fd; uint64_t answered; } served[SERVED] = {0};
  int on = 1, count = 0;
  int group = checked(epoll_create1(0), "epoll");
  int listener = checked(socket(AF_INET, SOCK_STREAM, 0), "socket");
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  checked(bind(listener, (struct sockaddr *)&address, sizeof address), "bind");
  checked(listen(listener, 8), "listen");
  int datagrams = checked(socket(AF_INET, SOCK_DGRAM, 0), "socket");
  checked(bind(datagrams, (struct sockaddr *)&address, sizeof address), "bind");
  event.data.u32 = SERVED;
  checked(epoll_ctl(group, EPOLL_CTL_ADD, listener, &event), "epoll");
  event.data.u32 = SERVED + 1;
  checked(epoll_ctl(group, EPOLL_CTL_ADD, datagrams, &event), "epoll");
  uint64_t answer[2], answered = 0;
  for (;;) {
    int found = epoll_wait(group, ready, 8, -1);
    for (int i = 0; i < found; i++) {
      uint32_t which = ready[i].data.u32;
      if (which == SERVED) {
        int fd = checked(accept(listener, NULL, NULL), "accept");
        if (count == SERVED) exit(1);
        served[count].fd = fd;
        event.data.u32 = (uint32_t)count++;
        checked(epoll_ctl(group, EPOLL_CTL_ADD, fd, &event), "epoll");
      } else if (which == SERVED + 1) {
        struct sockaddr_in from;
        socklen_t size = sizeof from;
        if (recvfrom(datagrams, answer, 8, 0, (struct sockaddr *)&from, &size) != 8) continue;
        answer[1] = ++answered;
        sendto(datagrams, answer, 16, 0, (struct sockaddr *)&from, size);
      } else {
        int fd = served[which].fd;
        ssize_t got = recv(fd, answer, 8, 0);
        if (got <= 0) {
          epoll_ctl(group, EPOLL_CTL_DEL, fd, NULL);
          close(fd);
        } else if (got == 6 && memcmp(answer, "state\n", 6) == 0) tell(fd);
        else {
          answer[1] = ++served[which].answered;
          expect(send(fd, answer, 16, MSG_NOSIGNAL) == 16);
        }
      }
    }
  }
}

int main(int argc, char **argv) {
  if (argc != 5) {
    fprintf(stderr, "usage: workload PORT MIB RATE DIRECTORY\n");
    return 1;
  }
  snprintf(directory, sizeof directory, "%s", argv[4]);
  pages = strtoul(argv[2], NULL, 10) * (1 << 20) / PAGE;
  pages_per_second = strtoul(argv[3], NULL, 10) * (1 << 20) / PAGE;
  sigset_t blocked;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGRTMIN);
  sigaddset(&blocked, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &blocked, NULL);
  unnamed = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  int id = checked(shmget(IPC_PRIVATE, PAGE, IPC_CREAT | 0600), "shmget");
  segment = shmat(id, NULL, 0);
  memory = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (unnamed == MAP_FAILED || segment == (void *)-1 || memory == MAP_FAILED) return perror("memory"), 1;
  for (uint64_t number = 0; number < pages; number++) fill(number, 0);
  if (checked(fork(), "fork") == 0) child();
  void *(*const all[])(void *) = {over_pipe, over_unix_socket, over_eventfd, by_timer, by_inotify, of_child, in_deleted_file, over_terminal, in_memory};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, all[i], NULL) != 0) return perror("thread"), 1;
  }
  serve((int)strtol(argv[1], NULL, 10));
}
