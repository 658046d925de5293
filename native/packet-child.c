/*
 * A child process at the other end of a SEQPACKET socket, which Node can neither make nor read, nor pass descriptors over; and the
 * end of children that Node did not start itself, such as those that CRIU restores as siblings of its own.
 *
 * A thread waits for each child. It tells the loop of messages and of the end; it does not reap: that happens on the loop, right
 * before JavaScript learns of the end, so that no pid is in its hands that may be another process already.
 */
#define _GNU_SOURCE
#include "common.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Where the child finds the socket; what it inherits besides follows. */
#define CHILD_SOCKET 3
#define MAX_DESCRIPTORS 16
#define STACK_SIZE (256 * 1024)

struct watch {
  int socket; /* of its own, or -1 */
  int pidfd;
  pid_t pid;
  napi_threadsafe_function tell;
};

struct news {
  bool is_end;
  pid_t pid;
  int count;
  int fds[MAX_DESCRIPTORS];
  size_t length;
  unsigned char bytes[];
};

/* On the loop: (bytes, descriptors) for a message, (null, status as of wait) at the end. */
static void deliver(napi_env env, napi_value callback, void *context, void *data) {
  (void)context;
  struct news *news = data;
  napi_value arguments[2] = {NULL, NULL}, global, result;
  if (news->is_end) {
    int status = 0;
    waitpid(news->pid, &status, 0);
    if (env != NULL) {
      napi_get_null(env, &arguments[0]);
      napi_create_int32(env, status, &arguments[1]);
    }
  } else if (env != NULL) {
    napi_create_buffer_copy(env, news->length, news->bytes, NULL, &arguments[0]);
    napi_create_array_with_length(env, (size_t)news->count, &arguments[1]);
    for (int index = 0; index < news->count; index++) {
      napi_value fd;
      napi_create_int32(env, news->fds[index], &fd);
      napi_set_element(env, arguments[1], (uint32_t)index, fd);
    }
  } else {
    for (int index = 0; index < news->count; index++) close(news->fds[index]);
  }
  free(news);
  if (env == NULL || callback == NULL) return;
  napi_get_global(env, &global);
  napi_call_function(env, global, callback, 2, arguments, &result);
}

/* Reads one message that is there. Gives 0 at the end of the stream and -1 when there is none. */
static int receive(struct watch *watch) {
  char control[CMSG_SPACE(sizeof(int) * MAX_DESCRIPTORS)];
  ssize_t size = recv(watch->socket, NULL, 0, MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT);
  if (size < 0) return errno == EAGAIN || errno == EINTR ? -1 : 0;
  struct news *news = calloc(1, sizeof *news + (size_t)size);
  if (news == NULL) return 0;
  struct iovec part = {.iov_base = news->bytes, .iov_len = (size_t)size};
  struct msghdr message = {
      .msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  ssize_t length = recvmsg(watch->socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (length <= 0) {
    free(news);
    return 0;
  }
  news->length = (size_t)length;
  for (struct cmsghdr *head = CMSG_FIRSTHDR(&message); head != NULL; head = CMSG_NXTHDR(&message, head)) {
    if (head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS) continue;
    news->count = (int)((head->cmsg_len - CMSG_LEN(0)) / sizeof(int));
    memcpy(news->fds, CMSG_DATA(head), sizeof(int) * (size_t)news->count);
  }
  if (napi_call_threadsafe_function(watch->tell, news, napi_tsfn_blocking) != napi_ok) {
    for (int index = 0; index < news->count; index++) close(news->fds[index]);
    free(news);
    return 0;
  }
  return 1;
}

static void *keep_watch(void *data) {
  struct watch *watch = data;
  for (bool has_ended = false; !has_ended;) {
    struct pollfd both[2] = {{.fd = watch->pidfd, .events = POLLIN}, {.fd = watch->socket, .events = POLLIN}};
    if (poll(both, 2, -1) < 0 && errno != EINTR) break;
    has_ended = both[0].revents != 0;
    /* What a process wrote before its end is told before its end. Others may hold its end of the socket. */
    int got = both[1].revents == 0 ? -1 : receive(watch);
    while (has_ended && got > 0) got = receive(watch);
    if (got == 0) {
      close(watch->socket);
      watch->socket = -1;
    }
  }
  siginfo_t ignored;
  while (waitid(P_PID, (id_t)watch->pid, &ignored, WEXITED | WNOWAIT) < 0 && errno == EINTR) continue;
  struct news *news = calloc(1, sizeof *news);
  if (news != NULL) {
    news->is_end = true;
    news->pid = watch->pid;
    if (napi_call_threadsafe_function(watch->tell, news, napi_tsfn_blocking) != napi_ok) free(news);
  }
  napi_release_threadsafe_function(watch->tell, napi_tsfn_release);
  if (watch->socket >= 0) close(watch->socket);
  close(watch->pidfd);
  free(watch);
  return NULL;
}

/* Whether a thread waits for the child from now on. Takes `socket` over, also where it fails. */
static bool begin_watch(napi_env env, napi_value callback, pid_t pid, int socket, bool holds_loop) {
  struct watch *watch = calloc(1, sizeof *watch);
  napi_value name;
  pthread_attr_t attributes;
  pthread_t thread;
  int problem = ENOMEM;
  if (watch == NULL) goto failed;
  *watch = (struct watch){.socket = socket, .pid = pid, .pidfd = (int)syscall(SYS_pidfd_open, pid, 0)};
  problem = errno;
  if (watch->pidfd < 0) goto failed;
  fcntl(watch->pidfd, F_SETFD, FD_CLOEXEC);
  problem = EAGAIN;
  napi_create_string_utf8(env, "lifeboat-child", NAPI_AUTO_LENGTH, &name);
  if (napi_create_threadsafe_function(env, callback, NULL, name, 0, 1, NULL, NULL, NULL, deliver, &watch->tell) != napi_ok)
    goto failed;
  if (!holds_loop) napi_unref_threadsafe_function(env, watch->tell);
  pthread_attr_init(&attributes);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_attr_setstacksize(&attributes, STACK_SIZE);
  /* The signals of the process are for the loop. */
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  problem = pthread_create(&thread, &attributes, keep_watch, watch);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  pthread_attr_destroy(&attributes);
  if (problem == 0) return true;
  napi_release_threadsafe_function(watch->tell, napi_tsfn_release);
failed:
  if (watch != NULL && watch->pidfd >= 0) close(watch->pidfd);
  free(watch);
  if (socket >= 0) close(socket);
  errno = problem;
  return false;
}

/* Pointers to the strings in `bytes`, each of which ends in NUL; NULL after the last. */
static char **strings_in(const char *bytes, size_t length) {
  size_t count = 0;
  for (size_t at = 0; at < length; at++) count += bytes[at] == '\0';
  char **strings = calloc(count + 1, sizeof *strings);
  for (size_t at = 0, index = 0; strings != NULL && at < length; at += strlen(bytes + at) + 1)
    strings[index++] = (char *)bytes + at;
  return strings;
}

/* Starts the program with the socket as 3, the others from 4 on, and standard output and error in `output`. 0 or an errno. */
static int start(pid_t *pid, char **argv, char **environment, int output, int socket, const int32_t *others, int count) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  sigset_t none, all;
  int high[MAX_DESCRIPTORS + 2];
  int problem = 0;
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_init(&attributes);
  /* Copies far up, so that none lies where another is to go. */
  for (int index = 0; index < count + 2; index++) {
    int from = index == 0 ? socket : index == 1 ? output : others[index - 2];
    high[index] = fcntl(from, F_DUPFD_CLOEXEC, CHILD_SOCKET + MAX_DESCRIPTORS + 1);
    if (high[index] < 0) problem = errno;
  }
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, high[1], 1);
  posix_spawn_file_actions_adddup2(&actions, high[1], 2);
  posix_spawn_file_actions_adddup2(&actions, high[0], CHILD_SOCKET);
  for (int index = 0; index < count; index++)
    posix_spawn_file_actions_adddup2(&actions, high[index + 2], CHILD_SOCKET + 1 + index);
  /* CRIU waits for its own children by SIGCHLD, and a session of its own keeps the terminal's signals from it. */
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID);
  if (problem == 0) problem = posix_spawnp(pid, argv[0], &actions, &attributes, argv, environment);
  for (int index = 0; index < count + 2; index++)
    if (high[index] >= 0) close(high[index]);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  return problem;
}

/* (argv, environment: strings that end in NUL; output; descriptors as int32; callback of deliver) gives int32 [pid, socket] */
static napi_value start_packet_child(napi_env env, napi_callback_info info) {
  struct call call = begin(env, info);
  size_t argv_length = 0, environment_length = 0, others_length = 0;
  const char *argv_bytes = bytes_at(&call, 0, &argv_length);
  const char *environment_bytes = bytes_at(&call, 1, &environment_length);
  int output = (int)number_at(&call, 2);
  const int32_t *others = bytes_at(&call, 3, &others_length);
  int count = (int)(others_length / sizeof(int32_t));
  if (call.bad || argv_length == 0 || argv_bytes[argv_length - 1] != '\0' || count > MAX_DESCRIPTORS ||
      (environment_length > 0 && environment_bytes[environment_length - 1] != '\0'))
    return refuse(&call);
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) return number_result(&call, -1);
  char **argv = strings_in(argv_bytes, argv_length), **environment = strings_in(environment_bytes, environment_length);
  int32_t made[2] = {-1, pair[0]};
  int watched = fcntl(pair[0], F_DUPFD_CLOEXEC, 0);
  int problem = watched < 0 || argv == NULL || environment == NULL ? ENOMEM : 0;
  if (problem == 0) problem = start(&made[0], argv, environment, output, pair[1], others, count);
  close(pair[1]);
  free(argv);
  free(environment);
  if (problem != 0) {
    if (watched >= 0) close(watched);
  } else if (!begin_watch(env, call.argument[4], made[0], watched, true)) {
    problem = errno;
    kill(made[0], SIGKILL);
    waitpid(made[0], NULL, 0);
  }
  if (problem == 0) return bytes_result(&call, made, sizeof made);
  close(pair[0]);
  errno = problem;
  return number_result(&call, -1);
}

/* (socket, bytes, descriptors as int32) */
static napi_value send_packet(napi_env env, napi_callback_info info) {
  struct call call = begin(env, info);
  int socket = (int)number_at(&call, 0);
  size_t length = 0, fds_length = 0;
  const void *bytes = bytes_at(&call, 1, &length);
  const void *fds = bytes_at(&call, 2, &fds_length);
  char control[CMSG_SPACE(sizeof(int) * MAX_DESCRIPTORS)] = {0};
  if (call.bad || fds_length > sizeof(int) * MAX_DESCRIPTORS) return refuse(&call);
  struct iovec part = {.iov_base = (void *)bytes, .iov_len = length};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
  if (fds_length > 0) {
    message.msg_control = control;
    message.msg_controllen = CMSG_SPACE(fds_length);
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    *head = (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(fds_length)};
    memcpy(CMSG_DATA(head), fds, fds_length);
  }
  return number_result(&call, sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT));
}

/* (socket): both ends learn that nothing more comes */
static napi_value shut_packets(napi_env env, napi_callback_info info) {
  struct call call = begin(env, info);
  int socket = (int)number_at(&call, 0);
  if (call.bad) return refuse(&call);
  return number_result(&call, shutdown(socket, SHUT_RDWR));
}

/* (pid of a child, callback of deliver): does not keep the loop alive */
static napi_value watch_child(napi_env env, napi_callback_info info) {
  struct call call = begin(env, info);
  pid_t pid = (pid_t)number_at(&call, 0);
  siginfo_t ignored;
  if (call.bad) return refuse(&call);
  if (waitid(P_PID, (id_t)pid, &ignored, WEXITED | WNOWAIT | WNOHANG) < 0) return number_result(&call, -1);
  return number_result(&call, begin_watch(env, call.argument[1], pid, -1, false) ? 0 : -1);
}

void define_packet_child(napi_env env, napi_value exports) {
  define_verb(env, exports, "startPacketChild", start_packet_child);
  define_verb(env, exports, "sendPacket", send_packet);
  define_verb(env, exports, "shutPackets", shut_packets);
  define_verb(env, exports, "watchChild", watch_child);
}
