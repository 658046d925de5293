/** Policy rules, from `ip -j rule`. */
import { z } from 'zod';
import type { Asker } from '../host/asker.ts';
import type { Argv } from '../host/host.ts';
import { present } from '../kernel/present.ts';
import { parseIpJson } from './json.ts';
import { subjects } from './subjects.ts';
import type { Rule } from './types.ts';

type Family = Rule['family'];

export function rulesArgv(family: Family): Argv {
  return ['ip', '-j', family === 'inet' ? '-4' : '-6', 'rule', 'show'];
}

const text = z.string().exactOptional();
const ruleEntry = z.looseObject({
  priority: z.number().int(),
  not: z.null().exactOptional(),
  src: text,
  srclen: z.number().exactOptional(),
  dst: text,
  dstlen: z.number().exactOptional(),
  table: text,
  action: text,
  iif: text,
  oif: text,
  fwmark: z.union([z.string(), z.number()]).exactOptional(),
  fwmask: z.union([z.string(), z.number()]).exactOptional(),
});
const rest = z.record(z.string(), z.json());

/** `*_detached` says that a link of that name is not there at the moment. */
const momentary = new Set(['iif_detached', 'oif_detached', 'unresolved']);

/** @throws Error for output that is not a list of rules */
export function parseRules(stdout: string, family: Family): Rule[] {
  return z
    .array(ruleEntry)
    .parse(parseIpJson(stdout))
    .map(({ priority, not, src, srclen, dst, dstlen, table, action, iif, oif, fwmark, fwmask, ...others }) => {
      const more = rest.parse(Object.fromEntries(Object.entries(others).filter(([key]) => !momentary.has(key))));
      return {
        family,
        priority,
        ...present({
          not: not === null ? true : undefined,
          from: selector(src, srclen),
          to: selector(dst, dstlen),
          table,
          action: action === 'unicast' ? undefined : action,
          incoming: iif,
          outgoing: oif,
          mark: fwmark === undefined ? undefined : `${fwmark}${fwmask === undefined ? '' : `/${fwmask}`}`,
          more: Object.keys(more).length === 0 ? undefined : more,
        }),
      };
    });
}

function selector(address: string | undefined, length: number | undefined): string | undefined {
  if (address === undefined || address === 'all') return undefined;
  return length === undefined ? address : `${address}/${length}`;
}

export async function captureRules(asker: Asker): Promise<Rule[]> {
  const families: readonly Family[] = ['inet', 'inet6'];
  const found = await Promise.all(
    families.map((family) =>
      asker.ask({
        argv: rulesArgv(family),
        parse: (stdout) => parseRules(stdout, family),
        subject: subjects.rules[family],
      }),
    ),
  );
  return found.flatMap((rules) => rules ?? []);
}
