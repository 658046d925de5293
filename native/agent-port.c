/* The way to the host: a port of a virtual machine, which may be there late, or a unix socket. */
#define _GNU_SOURCE
#include "agent.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define PORT_NAME "org.lifeboat.agent\n"
#define PORTS "/sys/class/virtio-ports"

/* Between two looks for a port that is not there, or is held by another agent that has not ended yet. */
#define LOOK_MS 100

/* How much is read before commands get their turn. */
#define READS 32

static unsigned char bytes[64 * 1024];

/* The stream, or -1; whether the host is at its other end. */
static int port = -1;
static bool connected;
/* Becomes readable when the host may have come: an epoll that watches the port for changes only, or a listening socket. */
static int arrivals = -1;
static bool listens;

void port_listen(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (strlen(path) >= sizeof address.sun_path) {
    errno = ENAMETOOLONG;
    die(path);
  }
  strcpy(address.sun_path, path);
  arrivals = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (arrivals < 0 || bind(arrivals, (struct sockaddr *)&address, sizeof address) < 0 || listen(arrivals, 8) < 0) die(path);
  listens = true;
}

/* Opens the device of a port that has our name. */
static void open_port(const char *entry) {
  char path[512], name[64] = "";
  snprintf(path, sizeof path, PORTS "/%s/name", entry);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return;
  ssize_t length = read(fd, name, sizeof name - 1);
  close(fd);
  if (length < 0 || strcmp(name, PORT_NAME) != 0) return;
  snprintf(path, sizeof path, "/dev/%s", entry);
  port = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
}

static void find_port(void) {
  DIR *directory = opendir(PORTS);
  if (directory == NULL) return;
  for (struct dirent *entry; port < 0 && (entry = readdir(directory)) != NULL;) open_port(entry->d_name);
  closedir(directory);
  if (port < 0) return;
  arrivals = epoll_create1(EPOLL_CLOEXEC);
  struct epoll_event changes = {.events = EPOLLIN | EPOLLOUT | EPOLLET};
  if (arrivals < 0 || epoll_ctl(arrivals, EPOLL_CTL_ADD, port, &changes) < 0) die("epoll");
}

static void close_port(void) {
  forget_session();
  connected = false;
  close(port);
  port = -1;
  if (listens) return;
  close(arrivals);
  arrivals = -1;
}

/* A port without a host hangs up all the time, so that it cannot be waited for by polling it. */
static bool host_is_there(void) {
  struct pollfd now = {.fd = port, .events = POLLIN};
  return poll(&now, 1, 0) >= 0 && (now.revents & (POLLHUP | POLLERR)) == 0;
}

/*
 * Takes what there is, which may be the HELLO of a host of whose coming the kernel has not told yet. False when the port itself is
 * gone.
 */
static bool read_all(void) {
  ssize_t length;
  while ((length = read(port, bytes, sizeof bytes)) > 0) receive(bytes, (size_t)length);
  return length == 0 || errno == EAGAIN || errno == EINTR;
}

static void greet(void) {
  if (listens) {
    port = accept4(arrivals, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    connected = port >= 0;
  } else {
    /* First what is known of changes, then how it is: a host that comes in between is a new change. */
    struct epoll_event change;
    epoll_wait(arrivals, &change, 1, 0);
    connected = host_is_there();
    if (!connected && !read_all()) close_port();
  }
  /* A host that had commands with an agent before this one learns that they are gone. */
  if (connected && !in_session()) put_frame(LOST, 0, NULL, 0);
}

/* Ends the session. What the port still holds is from that host, or from another that has come in between. */
static void hang_up(void) {
  forget_session();
  if (listens || !read_all()) close_port();
  else connected = host_is_there();
}

struct pollfd port_poll(void) {
  if (port < 0 && !listens) find_port();
  if (!connected) return (struct pollfd){.fd = arrivals, .events = POLLIN};
  return (struct pollfd){.fd = port, .events = frames_waiting() ? POLLIN | POLLOUT : POLLIN};
}

int port_patience(void) {
  return arrivals < 0 ? LOOK_MS : -1;
}

void port_serve(short ready) {
  if (!connected && ready != 0) greet();
  if (!connected) return;
  if (ready & (POLLHUP | POLLERR)) return hang_up();
  for (int turn = 0; turn < READS; turn++) {
    ssize_t length = read(port, bytes, sizeof bytes);
    if (length < 0 && (errno == EAGAIN || errno == EINTR)) break;
    if (length <= 0) return hang_up();
    receive(bytes, (size_t)length);
    /* A socket that gave less holds no more, and a port gives a page at a time. */
    if (listens && (size_t)length < sizeof bytes) break;
  }
  answer_hello();
  if (!send_frames(port)) hang_up();
}
