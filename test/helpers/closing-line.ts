import type { Reporter, TestModule } from 'vitest/node';

/** Prints `N passed, N failed, N skipped` as the last line, and why each skipped test was skipped (its title says so). */
export default class ClosingLine implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly unknown[]): void {
    const count = { passed: 0, failed: unhandled.length, skipped: 0 };
    const skipped: string[] = [];
    for (const module of modules) {
      // A file that could not be loaded has no tests to count, and is a failure all the same.
      if (module.errors().length > 0) count.failed += 1;
      // Nor are the tests counted as failed whose preparation failed.
      for (const suite of module.children.allSuites()) if (suite.errors().length > 0) count.failed += 1;
      for (const test of module.children.allTests()) {
        const result = test.result();
        const { state } = result;
        if (state === 'pending') count.failed += 1;
        else count[state] += 1;
        if (state === 'skipped') skipped.push(`${test.fullName}${result.note === undefined ? '' : `: ${result.note}`}`);
      }
    }
    const lines = skipped.map((name) => `skipped: ${name}`);
    lines.push(`${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped`);
    // After the default reporter's summary, which is printed in the same turn.
    process.on('exit', () => process.stdout.write(`${lines.join('\n')}\n`));
  }
}
