/** Output of a process through a pipe of our own, read into a few buffers that are used again and again. */
import { type OnReadOpts, Socket, type SocketConstructorOpts } from 'node:net';
import { Readable } from 'node:stream';

export const RING_PIPE = 1024 * 1024;
/** Two with the reader, one waiting, one that is being filled. */
const buffers = 4;

/**
 * Chunks are overwritten after the second next one was asked for: with new buffers of each read the garbage collector takes more time
 * than the reading.
 *
 * @param fd the reading end, closed with the stream
 */
export function ringReadable(fd: number): Readable {
  const ring = Array.from({ length: buffers }, () => Buffer.allocUnsafeSlow(RING_PIPE));
  let turn = 0;
  const onread: OnReadOpts = {
    buffer: () => ring[turn++ % buffers] ?? Buffer.alloc(RING_PIPE),
    // Not to go on: the next read is when it is asked for.
    callback: (length, buffer) => {
      output.push(buffer.subarray(0, length));
      return false;
    },
  };
  const options: SocketConstructorOpts & { readonly onread: OnReadOpts } = {
    fd,
    readable: true,
    writable: false,
    onread,
  };
  const pipe = new Socket(options);
  const output = new Readable({
    // So that no second chunk is read before the first was taken.
    highWaterMark: 1,
    read: () => void pipe.resume(),
    destroy: (error, done) => {
      pipe.destroy();
      done(error);
    },
  });
  pipe.pause();
  pipe.once('end', () => output.push(null));
  pipe.once('error', (error) => output.destroy(error));
  return output;
}
