/** A program beside the addon: whether many places of a device hold nothing but zeros. Not a verb, as a device may not answer. */
import { builtProgram } from './addon.ts';

/**
 * The program takes the path of the device, and pairs of an offset and a length in bytes; it exits with 0 where all of them hold nothing but
 * zeros, with 1 where one does not or lies behind the end, and with 2 where one cannot be read.
 *
 * @returns nothing where it is not built
 */
export const zerosArgv = (): [string] | undefined => builtProgram('zeros');
