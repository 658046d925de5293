/* Extended attributes, of a path (a symlink is not followed) or of an open file. */
#include "common.h"

#include <stdlib.h>
#include <sys/xattr.h>

/* The kernel gives no value and no list longer than this (XATTR_SIZE_MAX, XATTR_LIST_MAX). */
#define LARGEST 65536

/* The file a verb works on: by name, or by descriptor when there is no name. */
struct file {
  const char *path;
  int fd;
};

static struct file file_at(struct call *call, int index) {
  if (is_number_at(call, index)) return (struct file){.fd = (int)number_at(call, index)};
  return (struct file){.path = text_at(call, index)};
}

/* One attribute's value, or the list of names when there is no name. */
static ssize_t read_into(struct file file, const char *name, void *buffer, size_t size) {
  if (name == NULL) return file.path ? llistxattr(file.path, buffer, size) : flistxattr(file.fd, buffer, size);
  return file.path ? lgetxattr(file.path, name, buffer, size) : fgetxattr(file.fd, name, buffer, size);
}

static napi_value read_all(struct call *call, struct file file, const char *name) {
  char small[1024];
  ssize_t length = read_into(file, name, small, sizeof small);
  if (length >= 0 || errno != ERANGE) return bytes_result(call, small, length);

  void *large = malloc(LARGEST);
  if (large == NULL) return number_result(call, -1);
  length = read_into(file, name, large, LARGEST);
  napi_value result = bytes_result(call, large, length);
  free(large);
  return result;
}

static napi_value list_xattr(napi_env env, napi_callback_info info) {
  struct call call = begin(env, info);
  struct file file = file_at(&call, 0);
  if (call.bad) return refuse(&call);
  return read_all(&call, file, NULL);
}

static napi_value get_xattr(napi_env env, napi_callback_info info) {
  struct call call = begin(env, info);
  struct file file = file_at(&call, 0);
  const char *name = text_at(&call, 1);
  if (call.bad) return refuse(&call);
  return read_all(&call, file, name);
}

static napi_value set_xattr(napi_env env, napi_callback_info info) {
  struct call call = begin(env, info);
  struct file file = file_at(&call, 0);
  const char *name = text_at(&call, 1);
  size_t length;
  const void *value = bytes_at(&call, 2, &length);
  if (call.bad) return refuse(&call);
  return number_result(&call, file.path ? lsetxattr(file.path, name, value, length, 0)
                                        : fsetxattr(file.fd, name, value, length, 0));
}

static napi_value remove_xattr(napi_env env, napi_callback_info info) {
  struct call call = begin(env, info);
  struct file file = file_at(&call, 0);
  const char *name = text_at(&call, 1);
  if (call.bad) return refuse(&call);
  return number_result(&call, file.path ? lremovexattr(file.path, name) : fremovexattr(file.fd, name));
}

void define_xattr(napi_env env, napi_value exports) {
  define_verb(env, exports, "listxattr", list_xattr);
  define_verb(env, exports, "getxattr", get_xattr);
  define_verb(env, exports, "setxattr", set_xattr);
  define_verb(env, exports, "removexattr", remove_xattr);
}
