/** For a command whose every exit status is an answer. */
export const anyCode: readonly number[] = Array.from({ length: 256 }, (_, code) => code);
