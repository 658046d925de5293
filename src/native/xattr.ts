/**
 * Extended attributes of a file, named by its path or by a descriptor. ACLs and capabilities are among them.
 *
 * A path's last component is not followed if it is a symlink; those before it are. To name an entry of an open
 * directory use `/proc/self/fd/<fd>/<name>`: that is safe from whatever happens to the directory's own path, and the
 * descriptor may be one of O_PATH. A descriptor of the file itself must be open for reading or writing.
 */
import { nameFromBytes } from '../kernel/text.ts';
import { addon, type Text } from './addon.ts';
import { bytesArgument, fdArgument, textArgument, wrongArgument } from './arguments.ts';
import { checked, failedWith } from './outcome.ts';

/** A path in the encoding of `kernel/text.ts`, or an open descriptor. */
export type PathOrFd = string | number;

/** The names, in the kernel's order; none where the filesystem knows no attributes. `trusted.*` only for root. */
export function listXattrs(file: PathOrFd): string[] {
  const { argument, prefix, path } = fileArgument('listXattrs', file);
  const outcome = addon().listxattr(argument);
  if (failedWith(outcome, 'ENOTSUP')) return [];
  const list = checked(outcome, `${prefix}listxattr`, path);
  return typeof list === 'number' ? [] : nameFromBytes(list).split('\0').slice(0, -1);
}

/** `undefined` if the file has no such attribute. */
export function getXattr(file: PathOrFd, name: string): Buffer | undefined {
  const { argument, prefix, path } = fileArgument('getXattr', file);
  const outcome = addon().getxattr(argument, nameArgument('getXattr', name));
  if (failedWith(outcome, 'ENODATA')) return undefined;
  const value = checked(outcome, `${prefix}getxattr`, path);
  return typeof value === 'number' ? undefined : value;
}

/** Creates or replaces an attribute. */
export function setXattr(file: PathOrFd, name: string, value: Uint8Array): void {
  const { argument, prefix, path } = fileArgument('setXattr', file);
  const bytes = bytesArgument('setXattr', 'value', value);
  checked(addon().setxattr(argument, nameArgument('setXattr', name), bytes), `${prefix}setxattr`, path);
}

/** @throws SystemError `ENODATA` if the file has no such attribute */
export function removeXattr(file: PathOrFd, name: string): void {
  const { argument, prefix, path } = fileArgument('removeXattr', file);
  checked(addon().removexattr(argument, nameArgument('removeXattr', name)), `${prefix}removexattr`, path);
}

/** The file as C takes it, and how an error speaks of it. */
function fileArgument(verb: string, file: PathOrFd): { argument: Text | number; prefix: 'l' | 'f'; path?: string } {
  return typeof file === 'number'
    ? { argument: fdArgument(verb, file), prefix: 'f' }
    : { argument: textArgument(verb, 'path', file), prefix: 'l', path: file };
}

function nameArgument(verb: string, name: string): Text {
  if (name === '') throw wrongArgument(verb, 'name', 'the name of an attribute', name);
  return textArgument(verb, 'name', name);
}
