#include "common.h"

#include <stdlib.h>
#include <string.h>

static void execute(napi_env env, void *data) {
  (void)env;
  struct task *task = data;
  task->work(task);
}

static void complete(napi_env env, napi_status status, void *data) {
  struct task *task = data;
  napi_value result = NULL;
  if (status != napi_ok) task->problem = "it was cancelled";
  if (task->problem == NULL) napi_create_int64(env, task->result, &result);
  else napi_create_string_utf8(env, task->problem, NAPI_AUTO_LENGTH, &result);
  napi_resolve_deferred(env, task->deferred, result);
  for (int index = 0; index < MAX_ARGUMENTS; index++)
    if (task->owners[index] != NULL) napi_delete_reference(env, task->owners[index]);
  napi_delete_async_work(env, task->async);
  free(task);
}

/* A reference that keeps an argument from being collected, or NULL for one that cannot be. */
static napi_ref keep(napi_env env, napi_value argument) {
  napi_valuetype type;
  napi_ref reference = NULL;
  if (napi_typeof(env, argument, &type) == napi_ok && (type == napi_object || type == napi_external))
    napi_create_reference(env, argument, 1, &reference);
  return reference;
}

napi_value start_task(struct call *call, struct task *task, size_t size) {
  if (call->bad) return refuse(call);
  struct task *kept = malloc(size);
  if (kept == NULL) return refuse(call);
  memcpy(kept, task, size);
  napi_value promise = NULL, name = NULL;
  for (int index = 0; index < MAX_ARGUMENTS; index++) kept->owners[index] = keep(call->env, call->argument[index]);
  napi_create_promise(call->env, &kept->deferred, &promise);
  napi_create_string_utf8(call->env, "lifeboat", NAPI_AUTO_LENGTH, &name);
  napi_create_async_work(call->env, NULL, name, execute, complete, kept, &kept->async);
  napi_queue_async_work(call->env, kept->async);
  return promise;
}
