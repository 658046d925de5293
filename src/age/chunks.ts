/** Cuts a stream into chunks of one length, and knows the last one when it gives it. */

export interface Chunk {
  /** Of the full length, unless it is the last; valid until the next chunk is asked for. */
  readonly bytes: Buffer;
  readonly last: boolean;
}

/**
 * At least one chunk, which is empty where the stream is. All that a piece of the stream completes comes at once, for
 * fewer turns of the event loop; each group is to be taken to its end.
 */
export async function* chunkGroups(source: AsyncIterable<Uint8Array>, length: number): AsyncIterable<Iterable<Chunk>> {
  // What was left of the piece before: copied, because its owner may use the piece again.
  const held = Buffer.allocUnsafeSlow(length);
  let size = 0;
  function* completedBy(piece: Buffer): Iterable<Chunk> {
    let at = 0;
    if (size > 0) {
      at = piece.copy(held, size);
      size += at;
      // Only with a byte after it is a chunk known not to be the last.
      if (at === piece.length) return;
      yield { bytes: held, last: false };
    }
    for (; piece.length - at > length; at += length) yield { bytes: piece.subarray(at, at + length), last: false };
    size = piece.copy(held, 0, at);
  }
  for await (const piece of source) {
    yield completedBy(Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength));
  }
  yield [{ bytes: held.subarray(0, size), last: true }];
}
