/* Connections of another process that were left in the state in which CRIU reads them, and in which nothing is sent or received. */
#define _GNU_SOURCE
#include "common.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef TCP_REPAIR
#define TCP_REPAIR 19
#endif

/* (pid, its descriptor): 1 for a connection that works again, 0 for what was in no such state */
static napi_value end_tcp_repair(napi_env env, napi_callback_info info) {
  struct call call = begin(env, info);
  int pid = (int)number_at(&call, 0);
  int theirs = (int)number_at(&call, 1);
  if (call.bad) return refuse(&call);
  int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
  if (pidfd < 0) return number_result(&call, -1);
  int fd = (int)syscall(SYS_pidfd_getfd, pidfd, theirs, 0);
  int problem = errno;
  close(pidfd);
  errno = problem;
  if (fd < 0) return number_result(&call, -1);
  int value = 0, result = 0;
  socklen_t size = sizeof value;
  if (getsockopt(fd, IPPROTO_TCP, TCP_REPAIR, &value, &size) == 0 && value != 0) {
    value = 0;
    result = setsockopt(fd, IPPROTO_TCP, TCP_REPAIR, &value, sizeof value) == 0 ? 1 : -1;
  }
  problem = errno;
  close(fd);
  errno = problem;
  return number_result(&call, result);
}

void define_tcp_repair(napi_env env, napi_value exports) { define_verb(env, exports, "endTcpRepair", end_tcp_repair); }
