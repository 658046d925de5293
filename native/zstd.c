/*
 * Zstandard between buffers that the caller owns, on a thread of libuv's pool. The library is the one within the Node
 * that runs: its functions are looked up by name, and where a Node hides them the caller does without these verbs.
 */
#define _GNU_SOURCE
#include "common.h"

#include <dlfcn.h>
#include <stdlib.h>

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

struct job {
  napi_async_work work;
  napi_deferred deferred;
  /* Keep the buffers from being collected. */
  napi_ref input_owner, output_owner;
  const void *input;
  void *output;
  size_t input_length, output_length;
  int level; /* 0: decompress */
  size_t written;
  const char *problem;
};

static void compress(struct job *job) {
  void *context = zstd.createCCtx();
  if (context == NULL) {
    job->problem = "out of memory";
    return;
  }
  zstd.CCtx_setParameter(context, ZSTD_c_compressionLevel, job->level);
  zstd.CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
  job->written = zstd.compress2(context, job->output, job->output_length, job->input, job->input_length);
  zstd.freeCCtx(context);
}

static void decompress(struct job *job) {
  void *context = zstd.createDCtx();
  if (context == NULL) {
    job->problem = "out of memory";
    return;
  }
  job->written = zstd.decompressDCtx(context, job->output, job->output_length, job->input, job->input_length);
  zstd.freeDCtx(context);
}

static void execute(napi_env env, void *data) {
  (void)env;
  struct job *job = data;
  if (job->level == 0) decompress(job);
  else compress(job);
  if (job->problem == NULL && zstd.isError(job->written)) job->problem = zstd.getErrorName(job->written);
}

static void complete(napi_env env, napi_status status, void *data) {
  struct job *job = data;
  napi_value result = NULL;
  if (status != napi_ok) job->problem = "it was cancelled";
  if (job->problem == NULL) napi_create_int64(env, (int64_t)job->written, &result);
  else napi_create_string_utf8(env, job->problem, NAPI_AUTO_LENGTH, &result);
  napi_resolve_deferred(env, job->deferred, result);
  napi_delete_reference(env, job->input_owner);
  napi_delete_reference(env, job->output_owner);
  napi_delete_async_work(env, job->work);
  free(job);
}

/* (level or 0 to decompress, input, output) → promise of the bytes written, or of what was wrong as text */
static napi_value zstd_frame(napi_env env, napi_callback_info info) {
  struct call call = begin(env, info);
  struct job job = {.level = (int)number_at(&call, 0)};
  job.input = bytes_at(&call, 1, &job.input_length);
  job.output = (void *)bytes_at(&call, 2, &job.output_length);
  if (call.bad || zstd.isError == NULL) return refuse(&call);
  struct job *kept = malloc(sizeof *kept);
  if (kept == NULL) return refuse(&call);
  *kept = job;
  napi_value promise = NULL, name = NULL;
  napi_create_reference(env, call.argument[1], 1, &kept->input_owner);
  napi_create_reference(env, call.argument[2], 1, &kept->output_owner);
  napi_create_promise(env, &kept->deferred, &promise);
  napi_create_string_utf8(env, "zstdFrame", NAPI_AUTO_LENGTH, &name);
  napi_create_async_work(env, NULL, name, execute, complete, kept, &kept->work);
  napi_queue_async_work(env, kept->work);
  return promise;
}

void define_zstd(napi_env env, napi_value exports) {
  if (look_up()) define_verb(env, exports, "zstdFrame", zstd_frame);
}
