/** How the kernel writes values into the files of cgroups. */
import type { Throttle } from '../model/limits.ts';

/** Content by the name of the file. */
export type CgroupFiles = ReadonlyMap<string, string>;

/** A number; `undefined` for `max`, `-1`, nothing, and what is too large to be a bound. */
export function limitOf(content: string | undefined): number | undefined {
  const text = content?.trim();
  if (text === undefined || !/^\d+$/.test(text)) return undefined;
  const value = Number(text);
  // Version 1 says "none" by the largest number of pages.
  return value > 2 ** 62 ? undefined : value;
}

/** True, or `undefined`. */
export function flagOf(content: string | undefined): true | undefined {
  return content?.trim() === '1' ? true : undefined;
}

/** Lines of a key and a number; a number alone is that of `default`. */
export function keyed(content: string | undefined): Map<string, number> {
  const lines = (content ?? '').matchAll(/^(?:(default|\d+:\d+)\s+)?(\d+)\s*$/gm);
  return new Map([...lines].map(([, key, value]) => [key ?? 'default', Number(value)]));
}

const names = {
  rbps: 'readBytesPerSecond',
  wbps: 'writeBytesPerSecond',
  riops: 'readsPerSecond',
  wiops: 'writesPerSecond',
} as const;

/** Lines such as `8:0 rbps=1048576 wbps=max riops=max wiops=max`. */
export function throttleOf(content: string | undefined): Throttle[] | undefined {
  const found = [...(content ?? '').matchAll(/^(\d+:\d+) (.+)$/gm)].flatMap(([, device, rest]) => {
    const item: Throttle = { device: device ?? '' };
    for (const [, key, value] of (rest ?? '').matchAll(/(\w+)=(\d+)/g)) {
      if (key === 'rbps' || key === 'wbps' || key === 'riops' || key === 'wiops') item[names[key]] = Number(value);
    }
    return Object.keys(item).length === 1 ? [] : [item];
  });
  return found.length === 0 ? undefined : found;
}

/** @param name whose first group is the size of the page */
export function hugepagesOf(files: CgroupFiles, name: RegExp): Record<string, number> | undefined {
  const found = [...files].flatMap(([file, content]) => {
    const size = name.exec(file)?.[1];
    const value = limitOf(content);
    return size === undefined || value === undefined ? [] : [[size, value] as const];
  });
  return found.length === 0 ? undefined : Object.fromEntries(found);
}
