/** Notices to a webhook: a POST of JSON. */
import { asLifeboatError, LifeboatError } from '../kernel/errors.ts';
import { retry } from '../kernel/wait.ts';

const attemptMs = 20_000;
const policy = { attempts: 3, delayMs: 1000, maxDelayMs: 10_000 };

/**
 * Posts a document. The path of the URL is in no message: it often is the secret that lets somebody post.
 *
 * @throws LifeboatError `unreachable`, `failed` when the receiver refuses it, after some attempts where these may help
 */
export async function postWebhook(url: string, body: string, signal: AbortSignal): Promise<void> {
  await retry(
    policy,
    () => post(url, body, signal),
    () => {},
    signal,
  );
}

async function post(url: string, body: string, signal: AbortSignal): Promise<void> {
  const place = new URL(url);
  const { origin } = place;
  const headers = { 'content-type': 'application/json', 'user-agent': 'lifeboat', ...authorizationOf(place) };
  let response: Response;
  try {
    response = await fetch(place, {
      method: 'POST',
      headers,
      body,
      redirect: 'manual',
      signal: AbortSignal.any([signal, AbortSignal.timeout(attemptMs)]),
    });
    await response.body?.cancel();
  } catch (error) {
    if (signal.aborted) throw error;
    throw unreachable(origin, error);
  }
  const { status } = response;
  if (status >= 200 && status < 300) return;
  const redirected = status >= 300 && status < 400;
  throw new LifeboatError('failed', `the webhook at ${origin} answered with status ${status}`, {
    hint: redirected ? 'It redirects: configure the URL that it redirects to.' : 'Check the URL of the webhook.',
    retryable: status === 429 || status >= 500,
  });
}

/** A user in the URL, which `fetch` refuses with the whole URL in its message, as a header; it is taken out of the URL. */
function authorizationOf(place: URL): { authorization?: string } {
  const { username, password } = place;
  if (username === '' && password === '') return {};
  place.username = '';
  place.password = '';
  const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { authorization: `Basic ${Buffer.from(pair).toString('base64')}` };
}

/** `fetch` fails with "fetch failed"; why is in the cause. */
function unreachable(origin: string, error: unknown): LifeboatError {
  if (error instanceof Error && error.name === 'TimeoutError') {
    const message = `the webhook at ${origin} did not answer within ${attemptMs / 1000} s`;
    return new LifeboatError('unreachable', message, { retryable: true });
  }
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  if (/CERT|TLS|SSL|SIGNATURE|ISSUER/.test(code)) {
    return new LifeboatError('unreachable', `the certificate of the webhook at ${origin} is not trusted (${code})`, {
      hint: 'Check the clock. For a certificate authority of your own set NODE_EXTRA_CA_CERTS for lifeboat.',
    });
  }
  const { message, hint } = asLifeboatError(cause);
  return new LifeboatError('unreachable', `the webhook at ${origin} cannot be reached: ${message}`, {
    hint,
    retryable: true,
  });
}
