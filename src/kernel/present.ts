/** Without the keys that are undefined. */
export function present<T extends object>(fields: T): { [K in keyof T]?: T[K] & ({} | null) } {
  const result: { [K in keyof T]?: T[K] & ({} | null) } = {};
  for (const key in fields) {
    const value = fields[key];
    if (value !== undefined) result[key] = value;
  }
  return result;
}
