/* A datagram to a socket in the filesystem or the abstract namespace, which Node cannot send: what systemd listens to. */
#define _GNU_SOURCE
#include "common.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* (address, bytes); an address that begins with @ is abstract */
static napi_value send_datagram(napi_env env, napi_callback_info info) {
  struct call call = begin(env, info);
  const char *address = text_at(&call, 0);
  size_t length = 0;
  const void *bytes = bytes_at(&call, 1, &length);
  if (call.bad) return refuse(&call);
  struct sockaddr_un to = {.sun_family = AF_UNIX};
  size_t size = strlen(address);
  if (size >= sizeof to.sun_path) {
    errno = ENAMETOOLONG;
    return number_result(&call, -1);
  }
  memcpy(to.sun_path, address, size);
  if (to.sun_path[0] == '@') to.sun_path[0] = '\0';
  int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return number_result(&call, -1);
  socklen_t all = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size);
  ssize_t sent = sendto(fd, bytes, length, MSG_NOSIGNAL | MSG_DONTWAIT, (struct sockaddr *)&to, all);
  int problem = errno;
  close(fd);
  errno = problem;
  return number_result(&call, sent);
}

void define_notify(napi_env env, napi_value exports) { define_verb(env, exports, "sendDatagram", send_datagram); }
