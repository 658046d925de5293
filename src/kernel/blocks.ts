/** A stream in blocks of one length, worked upon side by side in buffers that are used again and again. */

export interface BlockWork {
  /** Of every block but the last, which may be shorter, and is empty only where the stream is. */
  readonly length: number;
  /** Length of `output`. */
  readonly room: number;
  /** How many are in work at the same time. */
  readonly atOnce: number;
  /**
   * Called in the order of the blocks.
   *
   * @param last whether this is the last one
   * @returns what becomes of the block: a part of `output`, or another buffer
   */
  readonly work: (block: Buffer, last: boolean, output: Buffer) => Promise<Buffer>;
}

/** Used again and again: V8 collects its whole heap for the memory of new ones. */
interface Slot {
  readonly input: Buffer;
  readonly output: Buffer;
}

/**
 * What becomes of the blocks, in order, and without those that are empty. A piece of the source is used before the next one is
 * asked for, and so is what is given here to be.
 */
export async function* inBlocks(
  source: AsyncIterable<Uint8Array>,
  { length, room, atOnce, work }: BlockWork,
): AsyncIterable<Buffer> {
  const spare: Slot[] = [];
  const underWay: { readonly result: Promise<Buffer>; readonly slot: Slot }[] = [];
  const free = (): Slot =>
    spare.pop() ?? { input: Buffer.allocUnsafeSlow(length), output: Buffer.allocUnsafeSlow(room) };
  let filling = free();
  let size = 0;
  const begin = (last: boolean): void => {
    const result = work(filling.input.subarray(0, size), last, filling.output);
    // Looked at in its turn; nobody must be surprised by it before.
    result.catch(() => undefined);
    underWay.push({ result, slot: filling });
  };
  async function* finish(): AsyncIterable<Buffer> {
    const first = underWay[0];
    if (first === undefined) return;
    const result = await first.result;
    underWay.shift();
    if (result.length > 0) yield result;
    spare.push(first.slot);
  }

  try {
    for await (const piece of source) {
      for (let rest = piece; rest.length > 0; ) {
        // Only with a byte after it is a block known not to be the last.
        if (size === length) {
          begin(false);
          if (underWay.length >= atOnce) yield* finish();
          filling = free();
          size = 0;
        }
        const part = rest.subarray(0, length - size);
        filling.input.set(part, size);
        size += part.length;
        rest = rest.subarray(part.length);
      }
    }
    begin(true);
    while (underWay.length > 0) yield* finish();
  } finally {
    await Promise.allSettled(underWay.map(({ result }) => result));
  }
}
