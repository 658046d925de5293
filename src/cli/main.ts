/** The command line: parses, runs one command, and turns whatever it threw into a message and an exit status. */
import { CommanderError } from 'commander';
import { asLifeboatError, exitStatusOf, LifeboatError } from '../kernel/errors.ts';
import { normalizeArguments } from './globals.ts';
import { buildProgram } from './program.ts';

/** Runs the command in `argv` (`process.argv`) and sets the exit status. */
export async function main(argv: readonly string[]): Promise<void> {
  exitQuietlyOnClosedPipe();
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

function usageError(error: CommanderError): LifeboatError {
  if (error.code === 'commander.help')
    return new LifeboatError('usage', 'no command given', { hint: 'See lifeboat --help.' });
  return new LifeboatError('usage', error.message.replace(/^error: /, ''), {
    hint: 'Add --help to see what it takes.',
  });
}

/** `lifeboat … | head` is no failure. */
function exitQuietlyOnClosedPipe(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit();
  });
}
