/** Pieces of an archive that are passed on, in order; neighbours in memory are joined again, which costs no copy. */
export class RawPieces {
  #pieces: Buffer[] = [];

  add(bytes: Buffer): void {
    const last = this.#pieces.at(-1);
    if (last && last.buffer === bytes.buffer && last.byteOffset + last.length === bytes.byteOffset) {
      const length = last.length + bytes.length;
      this.#pieces[this.#pieces.length - 1] = Buffer.from(bytes.buffer, last.byteOffset, length);
    } else if (bytes.length > 0) this.#pieces.push(bytes);
  }

  /** What has gathered since the last time. */
  take(): Buffer[] {
    const pieces = this.#pieces;
    this.#pieces = [];
    return pieces;
  }
}
