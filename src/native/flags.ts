/** A program beside the addon: the flags of `chattr` of many files. Not a verb, as whoever opens files of a dead mount is lost. */
import { builtProgram } from './addon.ts';

/**
 * The program takes absolute names on stdin, each closed by a NUL, and prints letters of `lsattr`, a blank and the name, again
 * with a NUL, for files and directories that have flags which `chattr` can set.
 *
 * @returns nothing where it is not built
 */
export const flagsArgv = (): [string] | undefined => builtProgram('flags');
