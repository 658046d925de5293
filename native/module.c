#include "common.h"

NAPI_MODULE_INIT() {
  define_directory(env, exports);
  define_xattr(env, exports);
  define_file(env, exports);
  define_mount(env, exports);
  define_notify(env, exports);
  define_process(env, exports);
  define_packet_child(env, exports);
  define_tcp_repair(env, exports);
  define_crypto(env, exports);
  define_zstd(env, exports);
  return exports;
}
