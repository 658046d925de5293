import { Command } from 'commander';
import { type Globals, helpFooter } from '../globals.ts';

/** `layout show`, `network show`, `facts show`: what lifeboat sees of this host now. Needs no configuration. */
function showing(
  name: string,
  what: string,
  capture: (command: Command) => Promise<{ document: unknown; text: () => string }>,
): Command {
  const show = new Command('show')
    .description(`${what}, as this host is now`)
    .addHelpText('after', helpFooter([`lifeboat ${name} show`, `lifeboat ${name} show --json`], [0, 1, 2, 130]))
    .action(async (_options: unknown, command: Command) => {
      const { printResult } = await import('../output.ts');
      const { document, text } = await capture(command);
      printResult(command.optsWithGlobals<Globals>().json, document, text);
    });
  return new Command(name).addCommand(show);
}

async function open(command: Command) {
  const { openSession } = await import('../session.ts');
  return openSession(command.optsWithGlobals<Globals>());
}

export function layoutCommand(): Command {
  return showing('layout', 'disks, partitions, filesystems and mounts', async (command) => {
    const { captureLayout } = await import('../../layout/capture.ts');
    const { layoutTree } = await import('../../layout/tree.ts');
    await using session = await open(command);
    const document = await captureLayout(session.host, new Date(), session.signal);
    return { document, text: () => layoutTree(document) };
  });
}

export function networkCommand(): Command {
  return showing('network', 'links, addresses, routes and name servers', async (command) => {
    const { captureNetwork } = await import('../../network/capture.ts');
    const { networkText } = await import('../../network/text.ts');
    await using session = await open(command);
    const document = await captureNetwork(session.host, new Date(), session.signal);
    return { document, text: () => networkText(document) };
  });
}

export function factsCommand(): Command {
  return showing('facts', 'system, kernel, processors and memory', async (command) => {
    const { captureFacts } = await import('../../facts/capture.ts');
    const { factsText } = await import('../../facts/text.ts');
    await using session = await open(command);
    const document = await captureFacts(session.host, new Date(), session.signal);
    return { document, text: () => factsText(document) };
  });
}
