/* What Node cannot say of its own process. */
#include "common.h"

#include <sys/prctl.h>

/* (whether a dump of its memory may be made) */
static napi_value set_dumpable(napi_env env, napi_callback_info info) {
  struct call call = begin(env, info);
  unsigned long dumpable = (unsigned long)number_at(&call, 0);
  if (call.bad) return refuse(&call);
  return number_result(&call, prctl(PR_SET_DUMPABLE, dumpable, 0, 0, 0));
}

void define_process(napi_env env, napi_value exports) {
  define_verb(env, exports, "setDumpable", set_dumpable);
}
