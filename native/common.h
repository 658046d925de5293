/*
 * What every file of the addon needs: arguments out, results in.
 *
 * A verb does one system call and returns its result, or the negative errno as a number; src/native makes the error.
 * All arguments were checked in TypeScript. The checks here only keep a mistake there from becoming a crash.
 */
#ifndef LIFEBOAT_COMMON_H
#define LIFEBOAT_COMMON_H

#define NAPI_VERSION 9
#include <errno.h>
#include <node_api.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MAX_ARGUMENTS 7

struct call {
  napi_env env;
  napi_value argument[MAX_ARGUMENTS];
  bool bad; /* an argument was not what the verb takes: return refuse() before doing anything */
};

struct call begin(napi_env env, napi_callback_info info);
napi_value refuse(struct call *call);

int64_t number_at(struct call *call, int index);
/* A file name: the contents of a buffer that ends in NUL. */
const char *text_at(struct call *call, int index);
/* As text_at, and NULL for null. */
const char *optional_text_at(struct call *call, int index);
const void *bytes_at(struct call *call, int index, size_t *length);
bool is_number_at(struct call *call, int index);

/* `result`, or -errno if it is negative. */
napi_value number_result(struct call *call, int64_t result);
napi_value bigint_result(struct call *call, int64_t result);
napi_value bytes_result(struct call *call, const void *bytes, int64_t length);

/*
 * What a verb does on a thread of libuv's pool: the beginning of a struct with what else it needs. `work` sets `result`, or
 * `problem`; the promise is fulfilled with either. The arguments are kept until then.
 */
struct task {
  void (*work)(struct task *);
  int64_t result;
  const char *problem;
  napi_async_work async;
  napi_deferred deferred;
  napi_ref owners[MAX_ARGUMENTS];
};

/* A copy of `task`, which is `size` bytes long; gives the promise. */
napi_value start_task(struct call *call, struct task *task, size_t size);

/* SHA-256: what hash_more takes, or NULL. hash_end frees it, also NULL, and says whether the digest of 32 bytes was written. */
void *hash_begin(void);
bool hash_more(void *context, const void *bytes, size_t length);
bool hash_end(void *context, unsigned char *digest);

void define_verb(napi_env env, napi_value exports, const char *name, napi_callback verb);
void define_directory(napi_env env, napi_value exports);
void define_xattr(napi_env env, napi_value exports);
void define_file(napi_env env, napi_value exports);
void define_mount(napi_env env, napi_value exports);
void define_process(napi_env env, napi_value exports);
void define_packet_child(napi_env env, napi_value exports);
void define_tcp_repair(napi_env env, napi_value exports);
void define_notify(napi_env env, napi_value exports);
void define_crypto(napi_env env, napi_value exports);
/* By crypto.c, where the library is there. */
void define_hash_file(napi_env env, napi_value exports);
void define_zstd(napi_env env, napi_value exports);

#endif
