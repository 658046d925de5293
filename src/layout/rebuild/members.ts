/** What md keeps to itself of an array that was made: members that it cannot write to everywhere, or has thrown out since. */
import type { Host } from '../../host/host.ts';
import type { Change } from '../../kernel/change.ts';
import { type ComponentOf, handlerOf, type Layout } from '../types.ts';
import type { Plan } from './document.ts';

/** The kernel acknowledges a bad block once it is on record on the other members. */
const look = `
root=$1; shift
for device; do
  for member in "$root/$(basename "$(realpath -- "$device")")"/md/dev-*; do
    [ -e "$member/state" ] || continue
    blocks=$(cat "$member/bad_blocks" "$member/unacknowledged_bad_blocks" 2> /dev/null | sort -un | tr '\\n' ',')
    printf '%s\\t%s\\t%s\\t%s\\n' "$device" "\${member##*/dev-}" "$(cat "$member/state")" "$blocks"
  done
done`;

/**
 * Of the arrays that a plan made, once all of it has been carried out. What such an array holds is whole; but it is not the mirror that it
 * is taken for.
 *
 * @param after the machine as it is by then
 * @param root where the kernel tells of its block devices
 */
export async function failingMembers(
  { fates }: Pick<Plan, 'fates'>,
  after: Layout,
  host: Host,
  signal: AbortSignal,
  root = '/sys/block',
): Promise<readonly Change[]> {
  const isMade = new Set(fates.new.flatMap(({ id, fate }) => (fate === 'keep' ? [] : [id])));
  const arrays = new Map<string, ComponentOf<'md'>>();
  for (const one of after.components) {
    if (one.kind === 'md' && one.device !== undefined && isMade.has(one.id)) arrays.set(one.device, one);
  }
  if (arrays.size === 0) return [];
  const { stdout } = await host.run(['sh', '-c', look, 'sh', root, ...arrays.keys()], {}, signal);
  const lines = stdout.toString().split('\n').slice(0, -1);
  return lines.flatMap((line): Change[] => {
    const [device = '', member = '', state = '', blocks = ''] = line.split('\t');
    const array = arrays.get(device);
    const fault = faultOf(state.split(','), blocks.split(',').filter(Boolean));
    if (array === undefined || fault === undefined) return [];
    // A slash in the name of a device is an exclamation mark there.
    const text = `changed: ${handlerOf(array).title(array)}: ${fault} /dev/${member.replaceAll('!', '/')}`;
    return [{ subject: array.id, change: 'changed', attribute: 'members', risk: 'recovery', text }];
  });
}

/** How many places are told of. */
const most = 3;

/** @param blocks as the kernel tells them: first sector, and how many */
function faultOf(state: readonly string[], blocks: readonly string[]): string | undefined {
  if (state.includes('faulty')) return 'md has given up its member';
  if (blocks.length > 0) {
    const places = blocks.slice(0, most).map((block) => block.replace(' ', '+'));
    const more = blocks.length > most ? ', …' : '';
    return `md cannot write to sectors ${places.join(', ')}${more} of its member`;
  }
  return state.includes('write_error') || state.includes('want_replacement')
    ? 'md could not write everywhere to its member'
    : undefined;
}
