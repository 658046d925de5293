/* The commands of the session: started, fed, listened to, ended and reaped. */
#define _GNU_SOURCE
#include "agent.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct output {
  int fd; /* -1: at its end */
  size_t credit;
  size_t owed; /* what is still to be sent before the PONG */
};

struct command {
  struct command *next;
  uint32_t id;
  pid_t pid;    /* also the id of its process group */
  bool closed;  /* the host does not want to hear of it */
  bool reaped;  /* its exit was seen */
  bool gone;    /* nothing is left of the group, whose id may soon be that of another */
  int starting; /* tells of a program that could not be started; -1 when it runs */
  struct output output[2];
  unsigned pings;
  /* stdin, and what lies ready for it: `held` bytes from `head` on, going round in INPUT_WINDOW bytes. */
  int input;
  unsigned char *window;
  size_t head, held, taken;
  bool input_ended;
  /* Being ended: since when there is no more grace, and whether SIGKILL was sent. */
  bool ending, killed;
  int64_t deadline;
};

static struct command *commands;
static size_t count;
/* Those of sessions that are over, killed, until they are gone or have had time enough. */
static struct command *dying;

static const enum frame data_of[2] = {STDOUT, STDERR};
static const enum frame end_of[2] = {STDOUT_END, STDERR_END};
static const size_t window_of[2] = {STDOUT_WINDOW, STDERR_WINDOW};

/* How often a process group that is to end is looked at. */
#define LOOK_MS 20
#define PIPE_BYTES (256 * 1024)
/* At once: as many as the usual limit of open files has room for. */
#define MOST_COMMANDS 200
/* How long the next session waits for what the kernel cannot kill at once. */
#define DYING_MS 1000

static int64_t now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void close_fd(int *fd) {
  if (*fd >= 0) close(*fd);
  *fd = -1;
}

static void tell(const struct command *command, enum frame type, const void *payload, size_t length) {
  if (!command->closed) put_frame(type, command->id, payload, length);
}

static void tell_number(const struct command *command, enum frame type, uint32_t number) {
  if (!command->closed) put_number(type, command->id, number);
}

static struct command *find(uint32_t id) {
  for (struct command *each = commands; each != NULL; each = each->next) {
    if (each->id == id && !each->closed) return each;
  }
  return NULL;
}

/* Takes it out of the list, and closes what is ours of it. */
static void release(struct command *command) {
  for (struct command **at = &commands; *at != NULL; at = &(*at)->next) {
    if (*at != command) continue;
    *at = command->next;
    break;
  }
  count--;
  close_fd(&command->starting);
  close_fd(&command->input);
  for (int index = 0; index < 2; index++) close_fd(&command->output[index].fd);
  free(command->window);
}

static void forget(struct command *command) {
  release(command);
  free(command);
}

/* A signal to the process group, or to a process that has not made its own yet. 0: only asks whether anything is left. */
static bool signal_group(const struct command *command, int signal) {
  if (command->gone) return false;
  if (kill(-command->pid, signal) == 0 || errno != ESRCH) return true;
  return !command->reaped && kill(command->pid, signal) == 0;
}

void commands_kill(void) {
  /* All of them first: none is to see its input end because of another. */
  for (struct command *each = commands; each != NULL; each = each->next) signal_group(each, SIGKILL);
  while (commands != NULL) {
    struct command *command = commands;
    release(command);
    command->deadline = now_ms() + DYING_MS;
    command->next = dying;
    dying = command;
  }
}

bool commands_dying(void) {
  return dying != NULL;
}

/* Whether the text begins with the same NAME= as another. */
static bool same_name(const char *variable, const char *other) {
  size_t length = strcspn(other, "=") + 1;
  return strncmp(variable, other, length) == 0;
}

static const char *home(void) {
  static char variable[4096];
  const char *own = getenv("HOME");
  /* The kernel tells init `/`. */
  if (own == NULL || strcmp(own, "/") == 0 || strlen(own) + 6 > sizeof variable) own = geteuid() == 0 ? "/root" : "/";
  strcpy(stpcpy(variable, "HOME="), own);
  return variable;
}

/* Becomes the command. The errno goes back where that fails. */
__attribute__((noreturn)) static void become(char **arguments, char **environment, const int pipes[4], pid_t agent) {
  /* Without input it keeps ours, which is /dev/null. */
  if (pipes[0] >= 0) dup2(pipes[0], 0);
  dup2(pipes[1], 1);
  dup2(pipes[2], 2);
  int report = dup3(pipes[3], 3, O_CLOEXEC) < 0 ? pipes[3] : 3;
  close_from(4);
  setsid();
  for (int number = 1; number < NSIG; number++) signal(number, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  /* Without the agent nobody would ever read what it writes. */
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != agent) _exit(127);
  environ = environment;
  execvp(arguments[0], arguments);
  int error = errno;
  if (write(report, &error, sizeof error) < 0) _exit(126);
  _exit(127);
}

/* Makes the pipe of one stream, long enough that it need not be looked at all the time; our end does not block. */
static bool make_pipe(int pair[2], int ours) {
  if (pipe2(pair, O_CLOEXEC) < 0) {
    pair[0] = pair[1] = -1;
    return false;
  }
  fcntl(pair[ours], F_SETFL, O_NONBLOCK);
  fcntl(pair[ours], F_SETPIPE_SZ, PIPE_BYTES);
  return true;
}

/* Starts the process with its pipes. 0, or the errno. */
static int spawn(struct command *command, bool with_input, char **arguments, char **environment) {
  int input[2] = {-1, -1}, output[2] = {-1, -1}, error[2] = {-1, -1}, report[2] = {-1, -1};
  int failure = 0;
  bool made = (!with_input || make_pipe(input, 1)) && make_pipe(output, 0) && make_pipe(error, 0) && make_pipe(report, 0);
  pid_t agent = getpid();
  command->pid = made ? fork() : -1;
  if (command->pid == 0) become(arguments, environment, (int[]){input[0], output[1], error[1], report[1]}, agent);
  if (command->pid < 0) failure = errno;
  command->input = input[1];
  command->output[0].fd = output[0];
  command->output[1].fd = error[0];
  command->starting = report[0];
  for (int *theirs[4] = {&input[0], &output[1], &error[1], &report[1]}, index = 0; index < 4; index++) {
    close_fd(theirs[index]);
  }
  return failure;
}

static bool start(uint32_t id, bool with_input, char **arguments, char **environment) {
  struct command *command = need(calloc(1, sizeof *command));
  command->id = id;
  command->starting = command->input = -1;
  for (int index = 0; index < 2; index++) {
    command->output[index] = (struct output){.fd = -1, .credit = window_of[index]};
  }
  if (with_input) command->window = need(malloc(INPUT_WINDOW));
  command->next = commands;
  commands = command;
  count++;
  int failure = count > MOST_COMMANDS ? EAGAIN : spawn(command, with_input, arguments, environment);
  if (failure == 0) return true;
  tell_number(command, FAILED, (uint32_t)failure);
  forget(command);
  return true;
}

bool command_start(uint32_t id, const unsigned char *payload, size_t length) {
  if (length < 6 || payload[length - 1] != '\0' || payload[0] > 1 || find(id) != NULL) return false;
  uint32_t wanted;
  memcpy(&wanted, payload + 1, sizeof wanted);
  wanted = le32toh(wanted);
  size_t texts = 0;
  for (size_t index = 5; index < length; index++) texts += payload[index] == '\0';
  if (wanted < 1 || wanted > texts) return false;

  static const char *const constant[] = {
      "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
      "LC_ALL=C",
  };
  const char *usual[] = {constant[0], constant[1], home()};
  /* Arguments and variables in one array, each with its NULL. */
  char **list = need(calloc(texts + 2 + 3, sizeof *list));
  char **at = list, *text = (char *)payload + 5;
  for (size_t index = 0; index < texts; index++, text += strlen(text) + 1) {
    if (index == wanted) at++;
    *at++ = text;
  }
  if (wanted == texts) at++;
  char **environment = list + wanted + 1;
  for (size_t index = 0; index < 3; index++) {
    bool given = false;
    for (char **each = environment; *each != NULL; each++) given = given || same_name(*each, usual[index]);
    if (!given) *at++ = (char *)usual[index];
  }
  bool made_sense = start(id, payload[0] == 1, list, environment);
  free(list);
  return made_sense;
}

bool command_input(uint32_t id, const unsigned char *bytes, size_t length) {
  struct command *command = find(id);
  /* It may have stopped reading while these were on their way. */
  if (command == NULL || command->input < 0) return true;
  if (command->input_ended || length > INPUT_WINDOW - command->held) return false;
  size_t tail = (command->head + command->held) % INPUT_WINDOW;
  size_t before_edge = INPUT_WINDOW - tail < length ? INPUT_WINDOW - tail : length;
  memcpy(command->window + tail, bytes, before_edge);
  memcpy(command->window, bytes + before_edge, length - before_edge);
  command->held += length;
  return true;
}

static void answer_pings(struct command *command) {
  if (command->output[0].owed > 0 || command->output[1].owed > 0) return;
  for (; command->pings > 0; command->pings--) tell(command, PONG, NULL, 0);
}

static void ping(struct command *command) {
  for (int index = 0; index < 2; index++) {
    struct output *output = &command->output[index];
    int ready = 0;
    if (output->fd >= 0) ioctl(output->fd, FIONREAD, &ready);
    output->owed = (size_t)ready < output->credit ? (size_t)ready : output->credit;
  }
  command->pings++;
  answer_pings(command);
}

static bool add_credit(struct output *output, size_t window, uint32_t bytes) {
  if (bytes > window - output->credit) return false;
  output->credit += bytes;
  return true;
}

static void close_command(struct command *command) {
  command->closed = true;
  for (int index = 0; index < 2; index++) close_fd(&command->output[index].fd);
  command->held = 0;
  /* Its input stays open while it lives: what was cut is not to look like an end. */
  if (command->reaped && !command->ending) forget(command);
}

/* Closes the input of a command when it has been given all of it. */
static void end_input(struct command *command) {
  command->input_ended = true;
  if (command->held == 0) close_fd(&command->input);
}

static void see_end(struct command *command) {
  if (!command->gone && command->reaped && !signal_group(command, 0)) command->gone = true;
  if (!command->ending) return;
  if (!command->gone && !command->killed && now_ms() >= command->deadline) {
    signal_group(command, SIGKILL);
    command->killed = true;
  }
  if (!command->gone && !(command->killed && command->reaped)) return;
  command->ending = false;
  tell(command, ENDED, NULL, 0);
}

bool command_frame(enum frame type, uint32_t id, const unsigned char *payload, size_t length) {
  bool has_number = type == STDOUT_CREDIT || type == STDERR_CREDIT || type == END;
  if (type < INPUT_END || type > PING || length != (has_number ? 4 : 0)) return false;
  struct command *command = find(id);
  if (command == NULL) return true;
  uint32_t number = 0;
  if (has_number) memcpy(&number, payload, sizeof number);
  number = le32toh(number);
  if (type == STDOUT_CREDIT) return add_credit(&command->output[0], STDOUT_WINDOW, number);
  if (type == STDERR_CREDIT) return add_credit(&command->output[1], STDERR_WINDOW, number);
  if (type == INPUT_END) end_input(command);
  if (type == PING) ping(command);
  if (type == CLOSE) close_command(command);
  if (type == END) {
    signal_group(command, SIGTERM);
    command->ending = true;
    command->killed = false;
    command->deadline = now_ms() + number;
    see_end(command);
  }
  return true;
}

/* Tells what became of the start. False when the program was not started: the command is forgotten. */
static bool see_start(struct command *command) {
  int error;
  ssize_t told = read(command->starting, &error, sizeof error);
  if (told < 0) return true;
  close_fd(&command->starting);
  if (told == 0) {
    tell(command, STARTED, NULL, 0);
    return true;
  }
  tell_number(command, FAILED, (uint32_t)error);
  forget(command);
  return false;
}

static void see_exit(struct command *command, int status) {
  if (command->starting >= 0 && !see_start(command)) return;
  command->reaped = true;
  tell_number(command, EXITED, (uint32_t)(WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status)));
}

/* The command with this process, unless that was seen to exit: another may have its id now. */
static struct command *with_pid(struct command *first, pid_t pid) {
  while (first != NULL && (first->pid != pid || first->reaped)) first = first->next;
  return first;
}

void commands_reap(void) {
  int status;
  for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
    struct command *each = with_pid(commands, pid), *killed = with_pid(dying, pid);
    if (each != NULL) see_exit(each, status);
    if (killed != NULL) killed->reaped = true;
  }
  for (struct command **at = &dying, *each; (each = *at) != NULL;) {
    if (signal_group(each, SIGKILL) && now_ms() < each->deadline) {
      at = &each->next;
      continue;
    }
    *at = each->next;
    free(each);
  }
  for (struct command *each = commands, *next; each != NULL; each = next) {
    next = each->next;
    see_end(each);
    if (each->closed && each->reaped && !each->ending) forget(each);
  }
}

size_t commands_count(void) {
  return count;
}

int commands_patience(void) {
  if (dying != NULL) return LOOK_MS;
  for (struct command *each = commands; each != NULL; each = each->next) {
    if (each->ending) return LOOK_MS;
  }
  return -1;
}

void commands_poll(struct pollfd *set) {
  /* One frame of each stream at a time, so that all of them get on. */
  bool may_send = !frames_waiting();
  for (struct command *each = commands; each != NULL; each = each->next, set += POLLS) {
    set[0] = (struct pollfd){.fd = each->starting, .events = POLLIN};
    /* Without anything to write: tells when nobody reads any more. */
    set[1] = (struct pollfd){.fd = each->input, .events = each->held > 0 ? POLLOUT : 0};
    for (int index = 0; index < 2; index++) {
      const struct output *output = &each->output[index];
      set[2 + index] = (struct pollfd){.fd = may_send && output->credit > 0 ? output->fd : -1, .events = POLLIN};
    }
  }
}

static void drop_input(struct command *command) {
  close_fd(&command->input);
  command->held = 0;
  if (!command->input_ended) tell(command, INPUT_CLOSED, NULL, 0);
}

/* Gives it what lies ready, and the host leave to send as much again. */
static void write_input(struct command *command) {
  while (command->held > 0) {
    size_t length = INPUT_WINDOW - command->head;
    if (length > command->held) length = command->held;
    ssize_t written = write(command->input, command->window + command->head, length);
    if (written < 0 && errno == EAGAIN) break;
    if (written < 0) return drop_input(command);
    command->head = (command->head + (size_t)written) % INPUT_WINDOW;
    command->held -= (size_t)written;
    command->taken += (size_t)written;
  }
  if (command->input_ended) return end_input(command);
  if (command->taken < INPUT_WINDOW / 8) return;
  tell_number(command, INPUT_CREDIT, (uint32_t)command->taken);
  command->taken = 0;
}

static void read_output(struct command *command, int index) {
  struct output *output = &command->output[index];
  if (command->closed) return;
  ssize_t length = put_from(output->fd, data_of[index], command->id, output->credit);
  if (length < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (length > 0) {
    output->credit -= (size_t)length;
    output->owed -= (size_t)length < output->owed ? (size_t)length : output->owed;
  } else {
    close_fd(&output->fd);
    output->owed = 0;
    tell(command, end_of[index], NULL, 0);
  }
  answer_pings(command);
}

static void serve(struct command *command, const struct pollfd *set) {
  if (set[0].revents != 0 && command->starting >= 0 && !see_start(command)) return;
  if (set[1].revents & POLLERR) drop_input(command);
  else if (set[1].revents != 0) write_input(command);
  for (int index = 0; index < 2; index++) {
    if (set[2 + index].revents != 0) read_output(command, index);
  }
}

void commands_serve(const struct pollfd *set) {
  for (struct command *each = commands, *next; each != NULL; each = next, set += POLLS) {
    next = each->next;
    serve(each, set);
  }
}
