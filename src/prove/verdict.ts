/** What was found to be wrong, and what is told besides. */
export interface Verdict {
  readonly findings: { subject: string; problem: string }[];
  readonly notes: string[];
}

export function together(verdicts: readonly Verdict[]): Verdict {
  return {
    findings: verdicts.flatMap(({ findings }) => findings),
    notes: verdicts.flatMap(({ notes }) => notes),
  };
}
