/**
 * Fields of the details of links. Their names are those that iproute2 has for them in `ip -j -d` (read in its sources, from
 * 5.10 to 7.1), so that whoever knows `ip link add … type bond …` knows them. State and counters are left out.
 */
import { z } from 'zod';

export const number = z.number().exactOptional();
export const text = z.string().exactOptional();
export const flag = z.boolean().exactOptional();
/** A flag that old versions print as 0 or 1. */
export const bit = z.union([z.boolean(), z.number()]).exactOptional();
/** Numbers that iproute2 writes in hexadecimal, as text. */
export const hex = z.union([z.string(), z.number()]).exactOptional();

type Value = string | number | boolean | null | undefined | readonly (string | null)[];

/** `name value` for each field that is there and is not off, in the given order. */
export function fieldsText(fields: Readonly<Record<string, Value>>): string {
  return Object.entries(fields)
    .flatMap(([name, value]) => {
      if (value === undefined || value === null || value === false || value === '') return [];
      if (Array.isArray(value)) return value.length === 0 ? [] : [`${name} ${value.map(String).join(',')}`];
      return [value === true ? name : `${name} ${String(value)}`];
    })
    .join('  ');
}
