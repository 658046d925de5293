/** Notices by mail, through the system's own `sendmail`. */
import type { Host } from '../host/host.ts';

export interface Mail {
  readonly to: readonly string[];
  readonly from?: string;
  readonly subject: string;
  readonly text: string;
}

/** @throws LifeboatError `tool-missing`, `command-failed` with what sendmail said */
export async function sendMail(host: Host, mail: Mail, signal: AbortSignal): Promise<void> {
  // The recipients stand in the message (-t), and a line with one dot does not end it (-i).
  await host.run(['sendmail', '-t', '-i'], { stdin: Buffer.from(mailMessage(mail)), timeoutMs: 60_000 }, signal);
}

/** A message in ASCII alone. The configuration's schema keeps line ends out of addresses, this keeps them out of the subject. */
export function mailMessage({ to, from, subject, text }: Mail): string {
  const body = Buffer.from(`${text}\n`, 'utf8').toString('base64');
  return [
    ...(from === undefined ? [] : [`From: ${from}`]),
    `To: ${to.join(', ')}`,
    `Subject: ${headerText(subject)}`,
    'Auto-Submitted: auto-generated',
    'MIME-Version: 1.0',
    'Content-Type: text/plain; charset=utf-8',
    'Content-Transfer-Encoding: base64',
    '',
    ...(body.match(/.{1,76}/g) ?? []),
    '',
  ].join('\n');
}

/** Text of a header: without line ends and other controls; where it is not ASCII, in encoded words (RFC 2047). */
function headerText(text: string): string {
  // oxlint-disable-next-line no-control-regex -- to be removed
  const clean = text.replaceAll(/[\u0000-\u001f\u007f]+/g, ' ').trim();
  if (/^[\x20-\x7e]*$/.test(clean) && !clean.includes('=?') && clean.length <= 900) return clean;
  const words: string[] = [];
  let word = '';
  for (const character of clean) {
    if (Buffer.byteLength(word + character) > 45) {
      words.push(word);
      word = '';
    }
    word += character;
  }
  return [...words, word].map((part) => `=?utf-8?B?${Buffer.from(part).toString('base64')}?=`).join('\n ');
}
