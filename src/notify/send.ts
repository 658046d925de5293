/** Sends a notice by every channel; one that fails does not keep the others from it. */
import { join } from 'node:path';
import type { Config } from '../config/schema.ts';
import type { Host } from '../host/host.ts';
import { asLifeboatError, LifeboatError } from '../kernel/errors.ts';
import { redactText, type SecretSource } from '../kernel/secret.ts';
import { notifyDropIns, runDropIn } from './drop-ins.ts';
import { sendMail } from './mail.ts';
import { type Notice, noticeDocument, noticeSubject, noticeText } from './notice.ts';
import { postWebhook } from './webhook.ts';

export interface Channels {
  readonly host: Host;
  readonly notify: Config['notify'];
  readonly secrets: SecretSource;
  /** Where drop-ins lie: `hooks.d`. */
  readonly hooksDir: string;
}

export interface Delivery {
  readonly channel: string;
  /** `undefined` when it got through. */
  readonly error: LifeboatError | undefined;
}

/** @returns how each channel went; none when there is no channel */
export async function sendNotice(channels: Channels, notice: Notice, signal: AbortSignal): Promise<Delivery[]> {
  const { host, notify, secrets, hooksDir } = channels;
  const document = noticeDocument(notice);
  const ways: (readonly [channel: string, send: () => Promise<void>])[] = [];
  if (notify?.webhook !== undefined) {
    const { webhook } = notify;
    ways.push(['webhook', async () => postWebhook(webhookUrl(webhook, secrets), document, signal)]);
  }
  if (notify?.mail !== undefined) {
    const { to, from } = notify.mail;
    const mail = {
      to: typeof to === 'string' ? [to] : to,
      ...(from === undefined ? {} : { from }),
      subject: redactText(noticeSubject(notice)),
      text: redactText(noticeText(notice)),
    };
    ways.push(['mail', () => sendMail(host, mail, signal)]);
  }
  const folder = join(hooksDir, 'notify');
  const found = await notifyDropIns(folder).catch((error: unknown) => asLifeboatError(error));
  if (found instanceof LifeboatError) ways.push([folder, () => Promise.reject(found)]);
  else for (const path of found) ways.push([path, () => runDropIn(host, path, notice.event, document, signal)]);
  return Promise.all(
    ways.map(async ([channel, send]) => {
      try {
        await send();
        return { channel, error: undefined };
      } catch (error) {
        return { channel, error: asLifeboatError(error) };
      }
    }),
  );
}

function webhookUrl(webhook: string, secrets: SecretSource): string {
  if (webhook !== 'secret') return webhook;
  const url = secrets.get('webhook-url')?.reveal().trim();
  if (url !== undefined && /^https?:$/.test(URL.parse(url)?.protocol ?? '')) return url;
  throw new LifeboatError(
    'config-invalid',
    url === undefined
      ? 'notify.webhook is "secret", and there is no secret "webhook-url"'
      : 'the secret "webhook-url" is not an http(s) URL',
    { hint: 'Give it as docs/schedules.md says, under "Secrets".' },
  );
}
