/* Mounting in the namespace of the whole process. A namespace of one's own is confine's business: Node has threads. */
#include "common.h"

#include <sys/mount.h>

/* (source, target, fstype, flags, data); source, fstype and data may be null */
static napi_value mount_(napi_env env, napi_callback_info info) {
  struct call call = begin(env, info);
  const char *source = optional_text_at(&call, 0);
  const char *target = text_at(&call, 1);
  const char *fstype = optional_text_at(&call, 2);
  unsigned long flags = (unsigned long)number_at(&call, 3);
  const char *data = optional_text_at(&call, 4);
  if (call.bad) return refuse(&call);
  return number_result(&call, mount(source, target, fstype, flags, data));
}

/* (target, flags) */
static napi_value umount2_(napi_env env, napi_callback_info info) {
  struct call call = begin(env, info);
  const char *target = text_at(&call, 0);
  int flags = (int)number_at(&call, 1);
  if (call.bad) return refuse(&call);
  return number_result(&call, umount2(target, flags));
}

void define_mount(napi_env env, napi_value exports) {
  define_verb(env, exports, "mount", mount_);
  define_verb(env, exports, "umount2", umount2_);
}
