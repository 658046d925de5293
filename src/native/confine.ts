/**
 * Running a program so that it can write to one directory and nowhere else: for GNU tar and others that mean well but
 * read archives nobody has vouched for. What holds them, and what does not, stands at the head of `native/confine.c`.
 */
import { nativeProgram } from './addon.ts';
import { textArgument, wrongArgument } from './arguments.ts';

/** What a program of the distribution needs to run. Those that do not exist are left out. */
export const systemDirectories: readonly string[] = [
  '/usr',
  '/bin',
  '/sbin',
  '/lib',
  '/lib32',
  '/lib64',
  '/libx32',
  '/etc/alternatives',
];

/** The directory that a confined program sees in place of `rw`, and starts in. */
export const confinedDirectory = '/target';

/** Exit status when the program was not started because it could not be confined; stderr says why. */
export const confineFailed = 125;

/**
 * The command line that runs `argv` confined to `rw`. Standard input, output and error are inherited, other descriptors
 * are not. For root, everything in `rw` can be restored; for others, what their own user may do.
 *
 * Exit status: that of `argv`, {@link confineFailed}, or 127 if `argv` could not be started.
 *
 * @param rw absolute path of the directory, seen as {@link confinedDirectory} with whatever is mounted below it
 * @param argv found by PATH among `ro`; names are those inside
 * @param ro absolute paths that can be read at the same name, with whatever is mounted below them
 * @param devices `'closed'`: device files in `rw` can be made, but not opened. Otherwise root's program can write to
 * a disk through one that the archive has just made
 * @param over directories of other filesystems that are seen in `rw` at a place, given relative to it
 * @throws LifeboatError `native-missing`, `native-call`
 */
export function confineArgv(
  rw: string,
  argv: readonly string[],
  ro: readonly string[] = systemDirectories,
  devices: 'open' | 'closed' = 'open',
  over: readonly { readonly directory: string; readonly place: string }[] = [],
): [string, ...string[]] {
  for (const path of [rw, ...ro, ...over.map(({ directory }) => directory)]) {
    if (typeof path !== 'string' || !path.startsWith('/')) throw wrongArgument('confine', 'path', 'absolute', path);
  }
  if (argv.length === 0) throw wrongArgument('confine', 'argv', 'a command', argv);
  const placed = over.flatMap(({ directory, place }) => ['--over', directory, `/${place}`]);
  for (const argument of [rw, ...ro, ...placed, ...argv]) {
    textArgument('confine', 'argument', argument);
    // Node writes arguments of programs in UTF-8 and would change these without a word.
    if (!argument.isWellFormed()) throw wrongArgument('confine', 'argument', 'valid UTF-8', argument);
  }
  return [
    nativeProgram('confine'),
    ...ro.flatMap((path) => ['--ro', path]),
    '--rw',
    rw,
    ...placed,
    ...(devices === 'closed' ? ['--no-devices'] : []),
    '--',
    ...argv,
  ];
}
