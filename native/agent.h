/*
 * lifeboat-agent: what src/machine/ reaches a virtual machine by. It runs commands, and carries their input and output over
 * one stream of bytes, which is the virtio-serial port `org.lifeboat.agent`. It needs no network, no configuration and no
 * library. Whoever holds the other end of the port is root here, as whoever runs the machine is anyway.
 *
 * A frame is: type (1 byte), command (4 bytes), length (4 bytes), then so many bytes. Numbers are little-endian. A zero in the
 * place of a type is skipped. src/machine/agent-frames.ts has the other side of this table.
 *
 * A session begins with a HELLO of the host, that holds a nonce, and the agent's HELLO with the same one: the port has
 * neither beginning nor end, and on both sides may still hold what was meant for another session. It ends with the next
 * HELLO, when the host lets go of the port, or with the first frame that makes no sense. All its commands are then killed.
 */
#ifndef LIFEBOAT_AGENT_H
#define LIFEBOAT_AGENT_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum frame {
  HELLO = 1, /* both ways: MAGIC, nonce */

  START = 2,         /* whether it gets input (1 byte), number of arguments (4 bytes), arguments and NAME=VALUE, each with NUL */
  INPUT = 3,         /* bytes for its stdin */
  INPUT_END = 4,     /* no more */
  STDOUT_CREDIT = 5, /* so many bytes more may be sent */
  STDERR_CREDIT = 6,
  END = 7,   /* milliseconds of grace: SIGTERM to its process group, then SIGKILL to what is left */
  CLOSE = 8, /* nobody waits for it any more, and no frame is to tell of it */
  PING = 9,

  STARTED = 16,
  FAILED = 17, /* errno; it was not started */
  STDOUT = 18, /* bytes */
  STDERR = 19,
  STDOUT_END = 20,
  STDERR_END = 21,
  INPUT_CREDIT = 22, /* so many bytes more may be sent */
  INPUT_CLOSED = 23, /* it reads no more */
  EXITED = 24,       /* exit code, or 128 and the number of the signal */
  ENDED = 25,        /* nothing is left of its process group */
  PONG = 26,         /* all that it had written when PING came has been sent, as far as there was credit */

  LOST = 27, /* command 0: there is no session */
};

#define MAGIC "lifeboat agent 1"
#define MAGIC_LENGTH 16
#define NONCE_LENGTH 16
#define HEADER 9

/* The longest frame to the host: the kernel writes no more to a port at once, and what it writes at once is never torn. */
#define FRAME_LIMIT (32 * 1024)
/* The longest payload from the host. */
#define PAYLOAD_LIMIT (256 * 1024)

/* What may be on its way of each stream of a command before the receiver has asked for more. */
#define INPUT_WINDOW (512 * 1024)
#define STDOUT_WINDOW (1024 * 1024)
#define STDERR_WINDOW (256 * 1024)

/* agent.c */
__attribute__((noreturn)) void die(const char *what);
void *need(void *memory);
/* Closes this descriptor and all after it. */
void close_from(int first);

/* agent-frames.c: what comes from the host is taken apart, and what goes there is queued. */
void put_frame(enum frame type, uint32_t command, const void *payload, size_t length);
void put_number(enum frame type, uint32_t command, uint32_t number);
/* A frame of what `fd` gives, `most` bytes of it at the most; the result is that of read(). */
ssize_t put_from(int fd, enum frame type, uint32_t command, size_t most);
bool frames_waiting(void);
/* Sends as much as the port takes. False when the port is gone. */
bool send_frames(int fd);
void receive(const unsigned char *bytes, size_t length);
bool in_session(void);
/* Answers a HELLO as soon as nothing is left of the session before. */
void answer_hello(void);
/* The host is gone: nothing of this session is to reach the next. */
void forget_session(void);

/* agent-commands.c. What answers whether a frame made sense gives false when it did not. */
bool command_start(uint32_t id, const unsigned char *payload, size_t length);
bool command_frame(enum frame type, uint32_t id, const unsigned char *payload, size_t length);
bool command_input(uint32_t id, const unsigned char *bytes, size_t length);
/* Kills all of them. */
void commands_kill(void);
/* Whether some of those that were killed may still be there. */
bool commands_dying(void);
void commands_reap(void);
size_t commands_count(void);
/* Fills in POLLS entries for each command. */
#define POLLS 4
void commands_poll(struct pollfd *set);
/* Does what can be done according to the same entries; to be called before any command is added or removed. */
void commands_serve(const struct pollfd *set);
/* When commands are to be looked at again, in milliseconds; -1: only when something happens. */
int commands_patience(void);

/* agent-port.c: the way to the host. */
void port_listen(const char *path);
/* What to poll, and for how long at the most (-1: for ever). */
struct pollfd port_poll(void);
int port_patience(void);
/* Reads and writes what can be; `ready` is what was polled. */
void port_serve(short ready);

#endif
