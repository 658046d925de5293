import type { Command } from 'commander';
import type { Globals } from '../../globals.ts';

export const pointHelp = 'id of the point, the beginning of it, or "latest"';

/** Opens what every command on points reads. */
export async function openPoints(command: Command) {
  const { configured, openSession, settingsOf } = await import('../../session.ts');
  const { hostNameOf } = await import('../../requests.ts');
  const globals = command.optsWithGlobals<Globals>();
  const { config, inputs } = await configured(globals);
  const session = openSession(globals, settingsOf(config));
  return { globals, config, inputs, session, hostName: await hostNameOf(config, session.host, session.signal) };
}

/** Consent, as a request of a workflow takes it. */
export function consent({ yes }: Globals): { readonly yes?: string } {
  return yes === undefined ? {} : { yes };
}
