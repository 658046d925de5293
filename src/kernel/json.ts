/** JSON as a type, and the check that a type of ours is nothing else. */

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/**
 * `T` itself where it survives a round trip through JSON, `never` where it does not: functions, classes with methods
 * (so a `Secret`), dates, maps, `bigint` and buffers are refused by the compiler.
 */
export type Jsonable<T> = [T] extends [Json]
  ? T
  : T extends bigint | symbol | ((...args: never[]) => unknown)
    ? never
    : T extends readonly (infer Item)[]
      ? readonly Jsonable<Item>[]
      : T extends object
        ? { readonly [Key in keyof T]: Key extends string ? Jsonable<Exclude<T[Key], undefined>> : never }
        : never;

/** JSON with sorted keys and no white space: equal values give equal bytes, for digests. */
export function canonicalJson(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
    return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${canonicalJson(item)}`).join(',')}}`;
  }
  return JSON.stringify(value);
}
