/** JSON as a type, and the check that a type of ours is nothing else. */

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/**
 * `T` itself where it survives a round trip through JSON, `never` where it does not: functions, classes with methods
 * (so a `Secret`), dates, maps, `bigint` and buffers are refused by the compiler.
 */
export type Jsonable<T> = [T] extends [Json]
  ? T
  : T extends Json
    ? T
    : T extends bigint | symbol | ((...args: never[]) => unknown)
      ? never
      : T extends readonly (infer Item)[]
        ? readonly Jsonable<Item>[]
        : T extends object
          ? { readonly [Key in keyof T]: Key extends string ? Jsonable<Exclude<T[Key], undefined>> : never }
          : never;

/**
 * A copy of `value` as JSON would bring it back. `undefined` under a key of an object is left out, as its type allows;
 * anything else that JSON would drop or change is refused.
 *
 * @param refuse makes the error, told where (` at .a[0]`, or nothing for `value` itself) and what stands there
 */
export function jsonCopy(value: unknown, refuse: (place: string, what: string) => Error): Json {
  const copy = (item: unknown, path: string, above: readonly unknown[]): Json => {
    const problem = (what: string) => refuse(path === '' ? '' : ` at ${path}`, what);
    if (item === null || typeof item === 'string' || typeof item === 'boolean') return item;
    if (typeof item === 'number' && Number.isFinite(item)) return item;
    if (typeof item === 'number') throw problem(String(item));
    if (typeof item !== 'object') throw problem(item === undefined ? 'undefined' : `a ${typeof item}`);
    if (above.includes(item)) throw problem('itself');
    const within = [...above, item];
    if (Array.isArray(item)) return Array.from(item, (each, index) => copy(each, `${path}[${index}]`, within));
    const prototype: unknown = Object.getPrototypeOf(item);
    if (prototype !== null && prototype !== Object.prototype) throw problem(`a ${item.constructor.name}`);
    const entries = Object.entries(item).filter(([, each]) => each !== undefined);
    return Object.fromEntries(entries.map(([key, each]) => [key, copy(each, `${path}.${key}`, within)]));
  };
  return copy(value, '', []);
}

/** JSON with sorted keys and no white space: equal values give equal bytes, for digests. */
export function canonicalJson(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
    return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${canonicalJson(item)}`).join(',')}}`;
  }
  return JSON.stringify(value);
}
