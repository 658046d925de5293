/** JSON for QEMU, which takes numbers of 64 bits: a `bigint` stands as its digits. */
export function qemuJson(value: unknown): string {
  // Nothing that we tell QEMU has a NUL in it.
  const marked = JSON.stringify(value, (_, item: unknown) => (typeof item === 'bigint' ? `\0${item}` : item));
  return marked.replaceAll(/"\\u0000(\d+)"/g, '$1');
}
