/*
 * SHA-256 and the chunks of the age format, on a thread of libuv's pool, between buffers that the caller owns. The library is
 * the OpenSSL within the Node that runs, found as in zstd.c; where a Node hides it the caller does without these verbs.
 */
#define _GNU_SOURCE
#include "common.h"

#include <dlfcn.h>
#include <string.h>

/* From evp.h, the part of it that is promised to stay. */
#define EVP_CTRL_AEAD_GET_TAG 0x10

static struct {
  void *(*MD_CTX_new)(void);
  void (*MD_CTX_free)(void *);
  const void *(*sha256)(void);
  int (*DigestInit_ex)(void *, const void *, void *);
  int (*DigestUpdate)(void *, const void *, size_t);
  int (*DigestFinal_ex)(void *, unsigned char *, unsigned int *);
  void *(*CIPHER_CTX_new)(void);
  void (*CIPHER_CTX_free)(void *);
  const void *(*chacha20_poly1305)(void);
  int (*EncryptInit_ex)(void *, const void *, void *, const unsigned char *, const unsigned char *);
  int (*EncryptUpdate)(void *, unsigned char *, int *, const unsigned char *, int);
  int (*EncryptFinal_ex)(void *, unsigned char *, int *);
  int (*CIPHER_CTX_ctrl)(void *, int, int, void *);
} evp;

/* Whether all are there. */
static bool look_up(void) {
  const struct {
    const char *name;
    void *place;
  } functions[] = {
      {"EVP_MD_CTX_new", &evp.MD_CTX_new},
      {"EVP_MD_CTX_free", &evp.MD_CTX_free},
      {"EVP_sha256", &evp.sha256},
      {"EVP_DigestInit_ex", &evp.DigestInit_ex},
      {"EVP_DigestUpdate", &evp.DigestUpdate},
      {"EVP_DigestFinal_ex", &evp.DigestFinal_ex},
      {"EVP_CIPHER_CTX_new", &evp.CIPHER_CTX_new},
      {"EVP_CIPHER_CTX_free", &evp.CIPHER_CTX_free},
      {"EVP_chacha20_poly1305", &evp.chacha20_poly1305},
      {"EVP_EncryptInit_ex", &evp.EncryptInit_ex},
      {"EVP_EncryptUpdate", &evp.EncryptUpdate},
      {"EVP_EncryptFinal_ex", &evp.EncryptFinal_ex},
      {"EVP_CIPHER_CTX_ctrl", &evp.CIPHER_CTX_ctrl},
  };
  for (size_t index = 0; index < sizeof functions / sizeof *functions; index++) {
    void *function = dlsym(RTLD_DEFAULT, functions[index].name);
    if (function == NULL) return false;
    *(void **)functions[index].place = function;
  }
  return true;
}

#define DIGEST_LENGTH 32

/* As src/native/crypto.ts writes it. */
struct part {
  double start; /* in the input, or negative: so many zeros */
  double length;
  double last; /* not 0: of what is hashed; then its digest is written, and another begins */
};

struct hashing {
  struct task task;
  void *context;
  const unsigned char *input;
  const struct part *parts;
  unsigned char *digests;
  size_t input_length, parts_length, digests_length;
};

static bool hash_zeros(void *context, double length) {
  static const unsigned char zeros[64 * 1024];
  for (; length > 0; length -= sizeof zeros) {
    size_t step = length < sizeof zeros ? (size_t)length : sizeof zeros;
    if (!evp.DigestUpdate(context, zeros, step)) return false;
  }
  return true;
}

static bool hash_part(struct hashing *hashing, const struct part *part) {
  if (part->start < 0) return hash_zeros(hashing->context, part->length);
  return evp.DigestUpdate(hashing->context, hashing->input + (size_t)part->start, (size_t)part->length);
}

/* What hash_parts would do wrong, if anything. */
static const char *wrong_part(const struct hashing *hashing, size_t count) {
  size_t ends = 0;
  for (size_t index = 0; index < count; index++) {
    const struct part *part = hashing->parts + index;
    if (!(part->length >= 0) || (!(part->start < 0) && !(part->start + part->length <= (double)hashing->input_length)))
      return "a part is not within the input";
    if (part->last != 0) ends++;
  }
  return ends * DIGEST_LENGTH > hashing->digests_length ? "there is no room for the digests" : NULL;
}

static void hash_parts(struct task *task) {
  struct hashing *hashing = (struct hashing *)task;
  size_t count = hashing->parts_length / sizeof *hashing->parts;
  unsigned char *digest = hashing->digests;
  task->problem = wrong_part(hashing, count);
  for (size_t index = 0; index < count && task->problem == NULL; index++) {
    const struct part *part = hashing->parts + index;
    bool right = hash_part(hashing, part);
    if (right && part->last != 0) {
      right = evp.DigestFinal_ex(hashing->context, digest, NULL) &&
              evp.DigestInit_ex(hashing->context, evp.sha256(), NULL);
      digest += DIGEST_LENGTH;
    }
    if (!right) task->problem = "hashing failed";
  }
}

static const napi_type_tag hash_tag = {0x6c69666562616f74, 0x7368612d32353600};

static void free_hash(napi_env env, void *context, void *hint) {
  (void)env;
  (void)hint;
  evp.MD_CTX_free(context);
}

void *hash_begin(void) {
  void *context = evp.MD_CTX_new();
  if (context == NULL || evp.DigestInit_ex(context, evp.sha256(), NULL)) return context;
  evp.MD_CTX_free(context);
  return NULL;
}

bool hash_more(void *context, const void *bytes, size_t length) {
  return evp.DigestUpdate(context, bytes, length);
}

bool hash_end(void *context, unsigned char *digest) {
  bool right = context != NULL && evp.DigestFinal_ex(context, digest, NULL);
  evp.MD_CTX_free(context);
  return right;
}

/* () → what hashParts goes on with */
static napi_value new_hash(napi_env env, napi_callback_info info) {
  struct call call = begin(env, info);
  napi_value hash = NULL;
  void *context = hash_begin();
  if (context == NULL) return refuse(&call);
  napi_create_external(env, context, free_hash, NULL, &hash);
  napi_type_tag_object(env, hash, &hash_tag);
  return hash;
}

/* (hash, input, parts, digests) → promise of 0, or of what was wrong as text. One at a time for each hash. */
static napi_value hash_parts_(napi_env env, napi_callback_info info) {
  struct call call = begin(env, info);
  struct hashing hashing = {.task.work = hash_parts};
  bool tagged = false;
  if (napi_check_object_type_tag(env, call.argument[0], &hash_tag, &tagged) != napi_ok || !tagged ||
      napi_get_value_external(env, call.argument[0], &hashing.context) != napi_ok)
    call.bad = true;
  hashing.input = bytes_at(&call, 1, &hashing.input_length);
  hashing.parts = bytes_at(&call, 2, &hashing.parts_length);
  hashing.digests = (void *)bytes_at(&call, 3, &hashing.digests_length);
  if ((uintptr_t)hashing.parts % _Alignof(struct part) != 0) call.bad = true;
  return start_task(&call, &hashing.task, sizeof hashing);
}

#define CHUNK_LENGTH (64 * 1024)
#define KEY_LENGTH 32
#define NONCE_LENGTH 12
#define TAG_LENGTH 16

struct sealing {
  struct task task;
  const unsigned char *key, *input;
  unsigned char *output;
  size_t key_length, input_length, output_length;
  uint64_t counter; /* number of the first chunk */
  bool last;        /* whether the last of these chunks is that of the payload */
};

/* 11 bytes of a counter, and one that tells the last chunk. */
static void write_nonce(unsigned char *nonce, uint64_t counter, bool last) {
  memset(nonce, 0, NONCE_LENGTH);
  for (int index = NONCE_LENGTH - 2; counter > 0; counter >>= 8) nonce[index--] = (unsigned char)counter;
  nonce[NONCE_LENGTH - 1] = last;
}

static bool seal_chunk(void *context, const unsigned char *nonce, const unsigned char *chunk, size_t length,
                       unsigned char *output) {
  int written = 0, more = 0;
  return evp.EncryptInit_ex(context, NULL, NULL, NULL, nonce) &&
         evp.EncryptUpdate(context, output, &written, chunk, (int)length) &&
         evp.EncryptFinal_ex(context, output + written, &more) && (size_t)(written + more) == length &&
         evp.CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, TAG_LENGTH, output + length);
}

static void seal_chunks(struct task *task) {
  struct sealing *sealing = (struct sealing *)task;
  void *context = evp.CIPHER_CTX_new();
  bool right = context != NULL && evp.EncryptInit_ex(context, evp.chacha20_poly1305(), NULL, sealing->key, NULL);
  /* A payload that holds nothing has one chunk too. */
  for (size_t at = 0; right && (at < sealing->input_length || (at == 0 && sealing->last)); at += CHUNK_LENGTH) {
    unsigned char nonce[NONCE_LENGTH];
    size_t left = sealing->input_length - at, length = left < CHUNK_LENGTH ? left : CHUNK_LENGTH;
    write_nonce(nonce, sealing->counter++, sealing->last && left <= CHUNK_LENGTH);
    right = seal_chunk(context, nonce, sealing->input + at, length, sealing->output + task->result);
    task->result += (int64_t)length + TAG_LENGTH;
  }
  if (!right) task->problem = "encrypting failed";
  evp.CIPHER_CTX_free(context);
}

/* (key, number of the first chunk, last: 0 or 1, input, output) → promise of the bytes written, or of what was wrong */
static napi_value seal_chunks_(napi_env env, napi_callback_info info) {
  struct call call = begin(env, info);
  struct sealing sealing = {.task.work = seal_chunks};
  sealing.key = bytes_at(&call, 0, &sealing.key_length);
  sealing.counter = (uint64_t)number_at(&call, 1);
  sealing.last = number_at(&call, 2) != 0;
  sealing.input = bytes_at(&call, 3, &sealing.input_length);
  sealing.output = (void *)bytes_at(&call, 4, &sealing.output_length);
  size_t chunks = sealing.input_length / CHUNK_LENGTH + 1;
  if (sealing.key_length != KEY_LENGTH || (!sealing.last && sealing.input_length % CHUNK_LENGTH != 0) ||
      sealing.output_length < sealing.input_length + chunks * TAG_LENGTH)
    call.bad = true;
  return start_task(&call, &sealing.task, sizeof sealing);
}

void define_crypto(napi_env env, napi_value exports) {
  if (!look_up()) return;
  define_verb(env, exports, "newHash", new_hash);
  define_verb(env, exports, "hashParts", hash_parts_);
  define_verb(env, exports, "sealChunks", seal_chunks_);
  define_hash_file(env, exports);
}
