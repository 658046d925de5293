/** Tokens of LUKS2: by what else than a passphrase it is opened. */
import { z } from 'zod';
import { present } from '../../kernel/present.ts';
import { REDACTED, redact } from '../../kernel/secret.ts';

const json = z.json();
type Json = z.infer<typeof json>;

export const tokenSchema = z.object({
  number: z.number().nonnegative(),
  type: z.string(),
  /** Which slots it opens. */
  slots: z.array(z.number().nonnegative()),
  /** Its other fields. Of those that lifeboat does not know as harmless, only the names. */
  settings: z.record(z.string(), json),
});

export type LuksToken = z.infer<typeof tokenSchema>;

/**
 * What tells how a token is used, of systemd (`tpm2-`, `fido2-`, `pkcs11-`), the kernel's keyring and clevis. Others may be a key that
 * something sealed (`tpm2-blob`, `jwe`) or what a key is derived from (`fido2-salt`).
 */
const harmless =
  /^(key_description|tpm2-(pcrs|pcr-bank|primary-alg|policy-hash|pin)|tpm2_(pubkey_pcrs|pcrlock|pcrlock_nv)|fido2-(credential|rp|clientPin-required|up-required|uv-required)|pkcs11-uri)$/;

export function luksToken(
  number: number,
  {
    type,
    keyslots,
    ...fields
  }: { readonly type: string; readonly keyslots: readonly string[] } & Record<string, unknown>,
): LuksToken {
  const settings = Object.entries(fields).map(([name, value]): [string, Json] => [
    name,
    harmless.test(name) ? withoutPins(value) : name === 'jwe' ? pinOf(value) : REDACTED,
  ]);
  return { number, type, slots: keyslots.map(Number).sort((a, b) => a - b), settings: Object.fromEntries(settings) };
}

const pinSchema = z.object({
  clevis: z.object({
    pin: z.string(),
    tang: z.object({ url: z.string() }).exactOptional(),
    tpm2: z.object({ pcr_bank: z.string().exactOptional(), pcr_ids: z.string().exactOptional() }).exactOptional(),
    /** Several, of which so many suffice. */
    sss: z.object({ t: z.number(), jwe: z.array(z.string()) }).exactOptional(),
  }),
});

/** What clevis asks for the key: it stands, readable, in the head of what was sealed (RFC 7516). */
function pinOf(value: unknown): Json {
  const sealed = z.object({ protected: z.string() }).safeParse(value);
  return sealed.success ? pinIn(sealed.data.protected) : REDACTED;
}

function pinIn(head: string): Json {
  try {
    const { sss, ...clevis } = pinSchema.parse(JSON.parse(Buffer.from(head, 'base64url').toString())).clevis;
    // Those within are written in one line each, of which the head is the first part.
    const within = sss && { t: sss.t, pins: sss.jwe.map((one) => pinIn(one.replace(/\..*$/s, ''))) };
    return json.parse(redact({ ...clevis, ...present({ sss: within }) }));
  } catch {
    return REDACTED;
  }
}

/** An address may hold a password, and that of a PKCS #11 token its PIN. */
function withoutPins(value: unknown): Json {
  const found = json.parse(redact(value));
  return typeof found === 'string' ? found.replace(/(pin-value=)[^&;]*/g, `$1${REDACTED}`) : found;
}
