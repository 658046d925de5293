/** Options of requests as the messages have them. */
import type { DumpOptions, PageServer, PageServerOptions, RestoreOptions, TlsOptions } from './options.ts';
import type { Values } from './wire.ts';

export function dumpValues(options: DumpOptions): Values {
  const { pageServer, ...rest } = options;
  return { ...treeValues(rest), ...(pageServer === undefined ? {} : { pageServer: address(pageServer) }) };
}

export function restoreValues(options: RestoreOptions): Values {
  return treeValues(options);
}

export function pageServerValues({
  address = '0.0.0.0',
  port = 0,
  lazyPages,
  autoDedup,
  tls,
}: PageServerOptions): Values {
  // Its answer says that it listens; a notification of the same would come after it, when nobody waits for any.
  return { notifyScripts: false, pageServer: { address, port }, lazyPages, autoDedup, ...tlsValues(tls) };
}

/** The rest has the names of the message. */
function treeValues({
  imagesDir: _images,
  workDir: _work,
  logFile: _log,
  tls,
  ...rest
}: Omit<DumpOptions, 'pageServer' | 'pid'> | RestoreOptions): Values {
  return { networkLock: 'nftables', ...rest, ...tlsValues(tls) };
}

function tlsValues(tls: TlsOptions | undefined): Values {
  if (tls === undefined) return {};
  return {
    tls: true,
    tlsCaCertificate: tls.caCertificate,
    tlsCaRevocations: tls.caRevocations,
    tlsCertificate: tls.certificate,
    tlsKey: tls.key,
    tlsNoNameCheck: tls.noNameCheck,
  };
}

function address(server: PageServer): Values {
  return 'fd' in server ? { fd: server.fd } : { address: server.address, port: server.port };
}
