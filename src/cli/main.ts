/** The command line: parses, runs one command, and turns whatever it threw into a message and an exit status. */
import { CommanderError } from 'commander';
import { asLifeboatError, exitStatusOf, LifeboatError } from '../kernel/errors.ts';
import { forbidDumps } from '../native/process.ts';
import { normalizeArguments } from './globals.ts';
import { buildProgram } from './program.ts';
import { takeSecretsFromEnvironment } from './secrets.ts';

/** A code that is in force, and that nobody has seen, is worse than none. */
const lostResult =
  '  next: What the command did is done. If it was to print a recovery code, that is in force: replace it with lifeboat key rotate.';

/** Runs the command in `argv` (`process.argv`) and sets the exit status. */
export async function main(argv: readonly string[]): Promise<void> {
  survivePipes();
  keepMemoryPrivate();
  takeSecretsFromEnvironment(process.env);
  const args = normalizeArguments(argv);
  try {
    const program = await buildProgram(args.slice(2));
    await program.parseAsync(args);
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return;
    const known = error instanceof CommanderError ? usageError(error) : asLifeboatError(error);
    const { printError } = await import('./output.ts');
    printError(args.includes('--json'), known);
    process.exitCode = exitStatusOf(known);
  }
}

/** Secrets will be in it, as soon as they are taken from the environment or typed. */
function keepMemoryPrivate(): void {
  try {
    forbidDumps();
  } catch (error) {
    // Of the commands that can do without the native part, none fails for the lack of it; the others do, and say so.
    if (!(error instanceof LifeboatError && error.code === 'native-missing')) throw error;
  }
}

function usageError(error: CommanderError): LifeboatError {
  if (error.code === 'commander.help')
    return new LifeboatError('usage', 'no command given', { hint: 'See lifeboat --help.' });
  return new LifeboatError('usage', error.message.replace(/^error: /, ''), {
    hint: 'Add --help to see what it takes.',
  });
}

/**
 * Nobody reads the progress any more (`2>&1 | head`, a closed terminal): the work goes on. Nobody reads the result
 * (`| head`): no failure. A result that cannot be written is one.
 */
function survivePipes(): void {
  process.stderr.on('error', () => {});
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit();
    process.stderr.write(`lifeboat: cannot write the result: ${error.message}\n${lostResult}\n`);
    process.exit(1);
  });
}
