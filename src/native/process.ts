/** What Node cannot say of its own process. */
import { addon } from './addon.ts';
import { checked } from './outcome.ts';

/** From now on the memory of this process gets into no core file, and no process of another user may look into it. */
export function forbidDumps(): void {
  checked(addon().setDumpable(0), 'prctl');
}
