/*
 * Zstandard between buffers that the caller owns, on a thread of libuv's pool. The library is the one within the Node
 * that runs: its functions are looked up by name, and where a Node hides them the caller does without these verbs.
 */
#define _GNU_SOURCE
#include "common.h"

#include <dlfcn.h>

/* From zstd.h, the part of it that is promised to stay. */
#define ZSTD_c_compressionLevel 100
#define ZSTD_c_checksumFlag 201

static struct {
  void *(*createCCtx)(void);
  size_t (*freeCCtx)(void *);
  size_t (*CCtx_setParameter)(void *, int, int);
  size_t (*compress2)(void *, void *, size_t, const void *, size_t);
  void *(*createDCtx)(void);
  size_t (*freeDCtx)(void *);
  size_t (*decompressDCtx)(void *, void *, size_t, const void *, size_t);
  unsigned (*isError)(size_t);
  const char *(*getErrorName)(size_t);
} zstd;

/* Whether all are there. */
static bool look_up(void) {
  const struct {
    const char *name;
    void *place;
  } functions[] = {
      {"ZSTD_createCCtx", &zstd.createCCtx},
      {"ZSTD_freeCCtx", &zstd.freeCCtx},
      {"ZSTD_CCtx_setParameter", &zstd.CCtx_setParameter},
      {"ZSTD_compress2", &zstd.compress2},
      {"ZSTD_createDCtx", &zstd.createDCtx},
      {"ZSTD_freeDCtx", &zstd.freeDCtx},
      {"ZSTD_decompressDCtx", &zstd.decompressDCtx},
      {"ZSTD_isError", &zstd.isError},
      {"ZSTD_getErrorName", &zstd.getErrorName},
  };
  for (size_t index = 0; index < sizeof functions / sizeof *functions; index++) {
    void *function = dlsym(RTLD_DEFAULT, functions[index].name);
    if (function == NULL) return false;
    *(void **)functions[index].place = function;
  }
  return true;
}

struct frame {
  struct task task;
  const void *input;
  void *output;
  size_t input_length, output_length;
  int level; /* 0: decompress */
};

static size_t compress(struct frame *frame, void *context) {
  zstd.CCtx_setParameter(context, ZSTD_c_compressionLevel, frame->level);
  zstd.CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
  return zstd.compress2(context, frame->output, frame->output_length, frame->input, frame->input_length);
}

static size_t decompress(struct frame *frame, void *context) {
  return zstd.decompressDCtx(context, frame->output, frame->output_length, frame->input, frame->input_length);
}

static void work(struct task *task) {
  struct frame *frame = (struct frame *)task;
  void *context = frame->level == 0 ? zstd.createDCtx() : zstd.createCCtx();
  if (context == NULL) {
    task->problem = "out of memory";
    return;
  }
  size_t written = frame->level == 0 ? decompress(frame, context) : compress(frame, context);
  if (zstd.isError(written)) task->problem = zstd.getErrorName(written);
  task->result = (int64_t)written;
  if (frame->level == 0) zstd.freeDCtx(context);
  else zstd.freeCCtx(context);
}

/* (level or 0 to decompress, input, output) → promise of the bytes written, or of what was wrong as text */
static napi_value zstd_frame(napi_env env, napi_callback_info info) {
  struct call call = begin(env, info);
  struct frame frame = {.task.work = work, .level = (int)number_at(&call, 0)};
  frame.input = bytes_at(&call, 1, &frame.input_length);
  frame.output = (void *)bytes_at(&call, 2, &frame.output_length);
  return start_task(&call, &frame.task, sizeof frame);
}

void define_zstd(napi_env env, napi_value exports) {
  if (look_up()) define_verb(env, exports, "zstdFrame", zstd_frame);
}
