/** A word that a POSIX shell takes as it is. */
export function shellQuote(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

/** Words that a POSIX shell takes as they are, one argument each. */
export function shellWords(words: readonly string[]): string {
  return words.map(shellQuote).join(' ');
}
