/** Fixed identities, so that a machine is the same each time that it is built. */

/** A UUID of our own for each number. */
export function uuid(number: number): string {
  const digits = number.toString(16).padStart(4, '0');
  return `0b0f1a4e-${digits}-4000-8000-00000000${digits}`;
}
