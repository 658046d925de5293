#include "common.h"

struct call begin(napi_env env, napi_callback_info info) {
  struct call call = {.env = env};
  size_t count = MAX_ARGUMENTS;
  /* Arguments that were not given are filled with undefined. */
  call.bad = napi_get_cb_info(env, info, &count, call.argument, NULL, NULL) != napi_ok;
  return call;
}

napi_value refuse(struct call *call) {
  napi_throw_type_error(call->env, NULL, "native verb called with wrong arguments");
  return NULL;
}

int64_t number_at(struct call *call, int index) {
  int64_t value = 0;
  if (napi_get_value_int64(call->env, call->argument[index], &value) != napi_ok) call->bad = true;
  return value;
}

const void *bytes_at(struct call *call, int index, size_t *length) {
  void *bytes = NULL;
  bool is_buffer = false;
  *length = 0;
  if (napi_is_buffer(call->env, call->argument[index], &is_buffer) != napi_ok || !is_buffer ||
      napi_get_buffer_info(call->env, call->argument[index], &bytes, length) != napi_ok) {
    call->bad = true;
  }
  return bytes;
}

const char *text_at(struct call *call, int index) {
  size_t length;
  const char *text = bytes_at(call, index, &length);
  if (length == 0 || text[length - 1] != '\0') call->bad = true;
  return text;
}

const char *optional_text_at(struct call *call, int index) {
  napi_valuetype type;
  if (napi_typeof(call->env, call->argument[index], &type) == napi_ok && type == napi_null) return NULL;
  return text_at(call, index);
}

bool is_number_at(struct call *call, int index) {
  napi_valuetype type;
  return napi_typeof(call->env, call->argument[index], &type) == napi_ok && type == napi_number;
}

napi_value number_result(struct call *call, int64_t result) {
  napi_value value = NULL;
  napi_create_int64(call->env, result < 0 ? -errno : result, &value);
  return value;
}

napi_value bigint_result(struct call *call, int64_t result) {
  napi_value value = NULL;
  if (result < 0) return number_result(call, result);
  napi_create_bigint_int64(call->env, result, &value);
  return value;
}

napi_value bytes_result(struct call *call, const void *bytes, int64_t length) {
  napi_value value = NULL;
  if (length < 0) return number_result(call, length);
  napi_create_buffer_copy(call->env, (size_t)length, bytes, NULL, &value);
  return value;
}

void define_verb(napi_env env, napi_value exports, const char *name, napi_callback verb) {
  napi_value function;
  if (napi_create_function(env, name, NAPI_AUTO_LENGTH, verb, NULL, &function) == napi_ok) {
    napi_set_named_property(env, exports, name, function);
  }
}
