import { startTests, type Task, type VitestRunner } from '@vitest/runner';

/** Outcome of the tests of a file. */
export interface SuiteOutcome {
  readonly file: string;
  readonly passed: number;
  readonly skipped: number;
  /** Names and messages. */
  readonly failures: readonly string[];
}

/** Test files by name, with the function that imports them. */
export type Suites = Readonly<Record<string, () => Promise<unknown>>>;

function* testsOf(task: Task): Generator<Task> {
  if (task.type === 'test') yield task;
  else for (const inner of task.tasks) yield* testsOf(inner);
}

const messagesOf = ({ name, result }: Task): string[] =>
  (result?.errors ?? []).map(({ message, stack }) => `${name}: ${message}\n${stack ?? ''}`);

/** Runs test files here, one after another, and returns their outcomes. */
export async function runSuites(suites: Suites): Promise<SuiteOutcome[]> {
  const runner: VitestRunner = {
    config: {
      root: '/',
      setupFiles: [],
      name: undefined,
      passWithNoTests: false,
      testNamePattern: undefined,
      allowOnly: false,
      sequence: { seed: 1, hooks: 'stack', setupFiles: 'list' },
      chaiConfig: undefined,
      maxConcurrency: 1,
      testTimeout: 120_000,
      hookTimeout: 120_000,
      retry: 0,
      includeTaskLocation: false,
      tags: [],
      tagsFilter: undefined,
      strictTags: false,
    },
    importFile: (path) => suites[path]!(),
  };
  const files = await startTests(
    Object.keys(suites).map((filepath) => ({ filepath })),
    runner,
  );
  return files.map((file) => {
    const tests = [...testsOf(file)];
    const failed = tests.filter(({ result }) => result?.state === 'fail');
    const passed = tests.filter(({ result }) => result?.state === 'pass');
    return {
      file: file.filepath,
      passed: passed.length,
      skipped: tests.length - passed.length - failed.length,
      failures: [...messagesOf(file), ...failed.flatMap(messagesOf)],
    };
  });
}
