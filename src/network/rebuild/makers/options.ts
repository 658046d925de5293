/** Settings as they are captured, as words of `ip`. Their names are mostly the same. */
type Say = (value: unknown) => readonly string[];

const isOn = (value: unknown): boolean => value === true || value === 1;

export const value =
  (word: string): Say =>
  (said) => [word, String(said)];

export const onOff =
  (word: string): Say =>
  (said) => [word, isOn(said) ? 'on' : 'off'];

export const bit =
  (word: string): Say =>
  (said) => [word, isOn(said) ? '1' : '0'];

/** A word that is there or not, or has an opposite. */
export const flag =
  (word: string, opposite?: string): Say =>
  (said) =>
    isOn(said) ? [word] : opposite === undefined ? [] : [opposite];

export type Options = readonly (readonly [field: string, say: Say])[];

/** Each by its own name. */
export const plainly = (say: (word: string) => Say, names: string): Options =>
  names.split(' ').map((name) => [name, say(name)] as const);

/**
 * The words for all settings that are known and not as a new link has them: some are refused where they mean nothing, even as they are.
 *
 * @param usual what new links have
 */
export function wordsOf(settings: object, options: Options, usual: Readonly<Record<string, unknown>> = {}): string[] {
  const known = new Map<string, unknown>(Object.entries(settings));
  return options.flatMap(([field, say]) => {
    const said = known.get(field);
    const isUsual = Object.hasOwn(usual, field) && usual[field] === said;
    return said === undefined || said === null || isUsual ? [] : say(said);
  });
}
