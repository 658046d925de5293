import type { Host } from '../../host/host.ts';
import { captureContainers } from '../capture.ts';
import type { Container } from '../model/container.ts';

/** As its runtime tells it; where that says nothing, it does not. */
export async function isRunning(host: Host, { id, runtime }: Container): Promise<boolean> {
  const { containers } = await captureContainers(host, new Date(), new AbortController().signal, [runtime]);
  return containers.some((one) => one.id === id && one.state === 'running');
}
