/** An SFTP server on the loopback interface that keeps its files in memory and does not keep to its word. */
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Server, type SFTPWrapper, utils } from 'ssh2';
import { output } from './child-process.ts';
import { temporaryDirectory } from './temporary.ts';

const { STATUS_CODE } = utils.sftp;
const FILE = 0o100600;
const DIRECTORY = 0o040700;

export interface Oddities {
  /** Says that it stored a write from this byte on, and does not. */
  dropsFrom?: number;
  /** Added to the sizes that it tells. */
  sizeError?: number;
  /** The most bytes that it gives for one read. */
  shortReads?: number;
  /** Answers reads in another order than they came. */
  reorders?: boolean;
  /** Logs in, and answers nothing after that. */
  freezes?: boolean;
  /** Never says that a folder has come to its end. */
  endless?: boolean;
}

export interface OddServer extends AsyncDisposable {
  readonly url: string;
  readonly ssh: { readonly identityFile: string; readonly knownHosts: string };
  readonly files: Map<string, Buffer>;
}

export async function startOddSftp(oddities: Oddities): Promise<OddServer> {
  await using stack = new AsyncDisposableStack();
  const at = (name: string) => join(directory, name);
  const directory = stack.use(await temporaryDirectory()).path;
  for (const name of ['host', 'client']) await output('ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', at(name));
  const files = new Map<string, Buffer>();
  const server = new Server({ hostKeys: [await readFile(at('host'))] }, (client) => {
    client.on('error', () => undefined);
    client.on('authentication', (context) => context.accept());
    client.on('session', (accept) => {
      if (oddities.freezes === true) return;
      accept().on('sftp', (open) => serve(open(), files, oddities));
    });
    client.on('tcpip', (_accept, reject) => {
      if (oddities.freezes !== true) reject();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  stack.defer(() => void server.close());
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const hostKey = (await readFile(at('host.pub'), 'utf8')).split(' ').slice(0, 2).join(' ');
  await writeFile(at('known_hosts'), `[127.0.0.1]:${address.port} ${hostKey}\n`);
  const owned = stack.move();
  return {
    url: `sftp://odd@127.0.0.1:${address.port}/store`,
    ssh: { identityFile: at('client'), knownHosts: at('known_hosts') },
    files,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

function serve(sftp: SFTPWrapper, files: Map<string, Buffer>, oddities: Oddities): void {
  const open = new Map<number, { readonly path: string; listed?: boolean }>();
  const entry = (handle: Buffer) => open.get(handle.readUInt32BE(0)) ?? { path: '' };
  const attributes = (size: number, mode = FILE) => ({ size, mode, uid: 0, gid: 0, atime: 1, mtime: 1 });
  const told = (path: string) => attributes((files.get(path)?.length ?? 0) + (oddities.sizeError ?? 0));
  const isFolder = (path: string) => path === '/' || path === '/store' || path === '/store/.tmp';
  const done = (id: number, ok = true) => sftp.status(id, ok ? STATUS_CODE.OK : STATUS_CODE.NO_SUCH_FILE);
  const newHandle = (path: string) => {
    const handle = Buffer.alloc(4);
    handle.writeUInt32BE(open.size);
    open.set(open.size, { path });
    return handle;
  };
  const look = (id: number, path: string) => {
    if (isFolder(path)) sftp.attrs(id, attributes(0, DIRECTORY));
    else if (files.has(path)) sftp.attrs(id, told(path));
    else done(id, false);
  };
  sftp.on('REALPATH', (id, path) => sftp.name(id, [{ filename: path, longname: path, attrs: attributes(0) }]));
  sftp.on('STAT', look);
  sftp.on('LSTAT', look);
  sftp.on('OPEN', (id, path, flags) => {
    if (flags & utils.sftp.OPEN_MODE.CREAT) files.set(path, Buffer.alloc(0));
    if (files.has(path)) sftp.handle(id, newHandle(path));
    else done(id, false);
  });
  sftp.on('CLOSE', (id) => done(id));
  sftp.on('FSTAT', (id, handle) => sftp.attrs(id, told(entry(handle).path)));
  sftp.on('MKDIR', (id, path) => sftp.status(id, isFolder(path) ? STATUS_CODE.FAILURE : STATUS_CODE.NO_SUCH_FILE));
  sftp.on('REMOVE', (id, path) => done(id, files.delete(path)));
  sftp.on('WRITE', (id, handle, offset, data) => {
    const { path } = entry(handle);
    const kept = data.subarray(0, Math.max(0, (oddities.dropsFrom ?? Number.POSITIVE_INFINITY) - offset));
    const old = files.get(path) ?? Buffer.alloc(0);
    const grown = Buffer.alloc(Math.max(old.length, kept.length === 0 ? 0 : offset + kept.length));
    old.copy(grown);
    kept.copy(grown, offset);
    files.set(path, grown);
    done(id);
  });
  sftp.on('READ', (id, handle, offset, length) => {
    const bytes = files.get(entry(handle).path) ?? Buffer.alloc(0);
    const part = bytes.subarray(offset, offset + Math.min(length, oddities.shortReads ?? length));
    const answer = () => (part.length === 0 ? sftp.status(id, STATUS_CODE.EOF) : sftp.data(id, part));
    if (oddities.reorders === true) setTimeout(answer, (id * 7) % 11);
    else answer();
  });
  sftp.on('RENAME', (id, from, to) => {
    const bytes = files.get(from);
    if (bytes === undefined) return done(id, false);
    if (files.has(to)) return sftp.status(id, STATUS_CODE.FAILURE);
    files.delete(from);
    files.set(to, bytes);
    return done(id);
  });
  sftp.on('OPENDIR', (id, path) => (isFolder(path) ? sftp.handle(id, newHandle(path)) : done(id, false)));
  sftp.on('READDIR', (id, handle) => {
    const folder = entry(handle);
    if (folder.listed === true && oddities.endless !== true) return sftp.status(id, STATUS_CODE.EOF);
    folder.listed = true;
    const names = [...files.keys()].filter((path) => path.slice(0, path.lastIndexOf('/')) === folder.path);
    return sftp.name(
      id,
      names.map((path) => ({ filename: path.slice(folder.path.length + 1), longname: path, attrs: told(path) })),
    );
  });
}
