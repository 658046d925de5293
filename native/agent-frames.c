/* Frames: those to the host are queued until the port takes them, those from the host are put together and handed on. */
#define _GNU_SOURCE
#include "agent.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/random.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* Newer than the headers of systems that this has to compile on. */
#ifndef RNDRESEEDCRNG
#define RNDRESEEDCRNG _IO('R', 0x07)
#endif

/* What was written of `bytes` is before `start`. What is written together, which are whole frames, ends at `batch`. */
static struct {
  unsigned char *bytes;
  size_t start, batch, end, room;
} queue;

/* Room for so many bytes at the end of the queue. */
static unsigned char *reserve(size_t size) {
  if (queue.start > 0) {
    memmove(queue.bytes, queue.bytes + queue.start, queue.end - queue.start);
    queue.batch -= queue.start;
    queue.end -= queue.start;
    queue.start = 0;
  }
  if (queue.room - queue.end < size) {
    queue.room = 2 * (queue.end + size);
    queue.bytes = need(realloc(queue.bytes, queue.room));
  }
  return queue.bytes + queue.end;
}

static void write_header(unsigned char *at, enum frame type, uint32_t command, size_t length) {
  uint32_t numbers[2] = {htole32(command), htole32((uint32_t)length)};
  at[0] = (unsigned char)type;
  memcpy(at + 1, numbers, sizeof numbers);
}

static uint32_t number_in(const unsigned char *at) {
  uint32_t number;
  memcpy(&number, at, sizeof number);
  return le32toh(number);
}

void put_frame(enum frame type, uint32_t command, const void *payload, size_t length) {
  unsigned char *at = reserve(HEADER + length);
  write_header(at, type, command, length);
  if (length > 0) memcpy(at + HEADER, payload, length);
  queue.end += HEADER + length;
}

void put_number(enum frame type, uint32_t command, uint32_t number) {
  uint32_t bytes = htole32(number);
  put_frame(type, command, &bytes, sizeof bytes);
}

ssize_t put_from(int fd, enum frame type, uint32_t command, size_t most) {
  if (most > FRAME_LIMIT - HEADER) most = FRAME_LIMIT - HEADER;
  unsigned char *at = reserve(HEADER + most);
  ssize_t length = read(fd, at + HEADER, most);
  if (length <= 0) return length;
  write_header(at, type, command, (size_t)length);
  queue.end += HEADER + (size_t)length;
  return length;
}

bool frames_waiting(void) {
  return queue.start < queue.end;
}

/* The end of the whole frames at the beginning of the queue that can be written at once. */
static size_t next_batch(void) {
  size_t end = queue.start;
  while (end < queue.end) {
    size_t next = end + HEADER + number_in(queue.bytes + end + 5);
    if (next - queue.start > FRAME_LIMIT) break;
    end = next;
  }
  return end;
}

bool send_frames(int fd) {
  while (frames_waiting()) {
    if (queue.batch <= queue.start) queue.batch = next_batch();
    ssize_t sent = write(fd, queue.bytes + queue.start, queue.batch - queue.start);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return errno == EAGAIN;
    queue.start += (size_t)sent;
  }
  return true;
}

/* The frame that is coming in, or what is known of the HELLO that is being looked for. */
static struct {
  bool session, answered;
  unsigned char nonce[NONCE_LENGTH];
  unsigned char header[HEADER];
  size_t headed, length, got;
  unsigned char *payload;
  size_t matched;
} incoming;

static void expect_header(void) {
  free(incoming.payload);
  incoming.payload = NULL;
  incoming.headed = incoming.length = incoming.got = 0;
}

static void end_session(void) {
  commands_kill();
  expect_header();
  incoming.session = false;
  incoming.matched = 0;
}

void forget_session(void) {
  end_session();
  queue.start = queue.batch = queue.end = 0;
}

bool in_session(void) {
  return incoming.session;
}

/* Machines that go on from one state would all draw the same random numbers: what the host has drawn tells them apart. */
static void stir(const unsigned char *nonce) {
  struct {
    int bits, bytes;
    unsigned char content[NONCE_LENGTH];
  } entropy = {.bits = 8 * NONCE_LENGTH, .bytes = NONCE_LENGTH};
  memcpy(entropy.content, nonce, NONCE_LENGTH);
  int fd = open("/dev/urandom", O_WRONLY | O_CLOEXEC);
  if (fd < 0) return;
  if (ioctl(fd, RNDADDENTROPY, &entropy) == 0) ioctl(fd, RNDRESEEDCRNG);
  close(fd);
}

static void begin_session(const unsigned char *nonce) {
  /* A host that has waited long has asked again. One answer is enough. */
  if (incoming.session && memcmp(nonce, incoming.nonce, NONCE_LENGTH) == 0) return;
  forget_session();
  incoming.session = true;
  incoming.answered = false;
  memcpy(incoming.nonce, nonce, NONCE_LENGTH);
  stir(nonce);
}

void answer_hello(void) {
  if (!incoming.session || incoming.answered || commands_dying()) return;
  incoming.answered = true;
  unsigned char payload[MAGIC_LENGTH + NONCE_LENGTH];
  memcpy(payload, MAGIC, MAGIC_LENGTH);
  memcpy(payload + MAGIC_LENGTH, incoming.nonce, NONCE_LENGTH);
  put_frame(HELLO, 0, payload, sizeof payload);
}

/* Looks for a HELLO, whatever lies before it. The number of bytes that were taken. */
static size_t look_for_hello(const unsigned char *bytes, size_t length) {
  static unsigned char found[HEADER + MAGIC_LENGTH + NONCE_LENGTH];
  unsigned char wanted[HEADER + MAGIC_LENGTH];
  write_header(wanted, HELLO, 0, MAGIC_LENGTH + NONCE_LENGTH);
  memcpy(wanted + HEADER, MAGIC, MAGIC_LENGTH);
  for (size_t index = 0; index < length; index++) {
    /* Its first byte is nowhere else in the part that is fixed, so a match that breaks can only begin anew. */
    if (incoming.matched < sizeof wanted && bytes[index] != wanted[incoming.matched]) incoming.matched = 0;
    if (incoming.matched == 0 && bytes[index] != wanted[0]) continue;
    found[incoming.matched++] = bytes[index];
    if (incoming.matched < sizeof found) continue;
    begin_session(found + sizeof wanted);
    return index + 1;
  }
  return length;
}

static bool hand_on(void) {
  enum frame type = incoming.header[0];
  uint32_t command = number_in(incoming.header + 1);
  if (type == START) return command_start(command, incoming.payload, incoming.length);
  if (type != HELLO) return command_frame(type, command, incoming.payload, incoming.length);
  if (incoming.length != MAGIC_LENGTH + NONCE_LENGTH || memcmp(incoming.payload, MAGIC, MAGIC_LENGTH) != 0) return false;
  unsigned char nonce[NONCE_LENGTH];
  memcpy(nonce, incoming.payload + MAGIC_LENGTH, NONCE_LENGTH);
  begin_session(nonce);
  return true;
}

/* Takes bytes of one frame. The number that were taken, or -1 when they make no sense. */
static ssize_t take(const unsigned char *bytes, size_t length) {
  if (incoming.headed == 0 && *bytes == 0) return 1;
  if (incoming.headed < HEADER) {
    incoming.header[incoming.headed++] = *bytes;
    if (incoming.headed < HEADER) return 1;
    incoming.length = number_in(incoming.header + 5);
    if (incoming.length > PAYLOAD_LIMIT) return -1;
    if (incoming.header[0] != INPUT) incoming.payload = need(malloc(incoming.length + 1));
    length = 1;
  } else {
    if (length > incoming.length - incoming.got) length = incoming.length - incoming.got;
    if (incoming.header[0] != INPUT) memcpy(incoming.payload + incoming.got, bytes, length);
    else if (!command_input(number_in(incoming.header + 1), bytes, length)) return -1;
    incoming.got += length;
  }
  if (incoming.got < incoming.length) return (ssize_t)length;
  if (incoming.header[0] != INPUT && !hand_on()) return -1;
  expect_header();
  return (ssize_t)length;
}

void receive(const unsigned char *bytes, size_t length) {
  while (length > 0) {
    ssize_t taken = incoming.session ? take(bytes, length) : (ssize_t)look_for_hello(bytes, length);
    if (taken < 0) {
      /* What is queued are whole frames of the session, and stays. */
      end_session();
      put_frame(LOST, 0, NULL, 0);
      continue;
    }
    bytes += taken;
    length -= (size_t)taken;
  }
}
