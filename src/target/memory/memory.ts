/** A target in memory. It defines what the contract means, so it is as strict as the contract allows. */
import { LifeboatError } from '../../kernel/errors.ts';
import { throwIfAborted } from '../../kernel/wait.ts';
import { abortable } from '../abortable.ts';
import { checkKey, checkPrefix, checkRange, type Target, type TargetTraits } from '../target.ts';

interface StoredObject {
  readonly bytes: Buffer;
  readonly mtimeMs: number;
}

const traits: TargetTraits = {
  atomicPut: true,
  exclusivePut: true,
  ranges: true,
  sequential: false,
  appendOnly: false,
  patient: false,
  connections: 64,
};

const CHUNK = 64 * 1024;

/** What a memory target holds; targets that share one see the same objects. */
export type MemoryStore = Map<string, StoredObject>;

const named = new Map<string, MemoryStore>();

/** The store of this name; it lives as long as the process. */
export function memoryStore(name: string): MemoryStore {
  const store = named.get(name) ?? new Map<string, StoredObject>();
  named.set(name, store);
  return store;
}

export function memoryTarget(name: string, store: MemoryStore = memoryStore(name)): Target {
  const url = `memory:${name}`;

  return {
    url,
    traits,

    async put(key, body, options, signal) {
      checkKey(key);
      const chunks: Buffer[] = [];
      for await (const chunk of abortable(body, signal)) chunks.push(Buffer.from(chunk));
      throwIfAborted(signal);
      // From here to the end nothing waits, so nobody else can take the key in between.
      if (options.ifAbsent === true && store.has(key)) throw new LifeboatError('exists', `${key} is taken at ${url}`);
      refuseFolders(store, key);
      const bytes = Buffer.concat(chunks);
      store.set(key, { bytes, mtimeMs: Date.now() });
      return { size: bytes.length };
    },

    async *get(key, range, signal) {
      checkKey(key);
      throwIfAborted(signal);
      const object = store.get(key);
      if (object === undefined) throw new LifeboatError('not-found', `no ${key} at ${url}`);
      const { offset, length } = checkRange(key, range, object.bytes.length);
      for (let at = offset; at < offset + length; at += CHUNK) {
        throwIfAborted(signal);
        yield Buffer.from(object.bytes.subarray(at, Math.min(at + CHUNK, offset + length)));
      }
    },

    async stat(key, signal) {
      checkKey(key);
      throwIfAborted(signal);
      const object = store.get(key);
      return object === undefined ? undefined : { size: object.bytes.length, mtimeMs: object.mtimeMs };
    },

    async *list(prefix, signal) {
      checkPrefix(prefix);
      // A copy, for one that is removed and stored again meanwhile would come a second time.
      const entries = [...store];
      for (const [key, { bytes, mtimeMs }] of entries) {
        throwIfAborted(signal);
        if (prefix === '' || key.startsWith(`${prefix}/`)) yield { key, size: bytes.length, mtimeMs };
      }
    },

    async remove(key, signal) {
      checkKey(key);
      throwIfAborted(signal);
      store.delete(key);
    },

    // Nothing to give back: the objects stay for the next target on the same store.
    async [Symbol.asyncDispose]() {},
  };
}

/** Refuses a key that is the folder of another, or has an object as a folder. */
function refuseFolders(store: MemoryStore, key: string): void {
  for (const other of store.keys()) {
    if (other.startsWith(`${key}/`) || key.startsWith(`${other}/`)) {
      throw new LifeboatError('usage', `${key} cannot be stored beside ${other}: a key is an object or a folder`);
    }
  }
}
