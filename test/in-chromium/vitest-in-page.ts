// Replaces 'vitest' in a page: its runner and its expectations, without its Node part.
import {
  ASYMMETRIC_MATCHERS_OBJECT,
  chai,
  GLOBAL_EXPECT,
  JestAsymmetricMatchers,
  JestChaiExpect,
  JestExtend,
  setState,
} from '@vitest/expect';
import { getCurrentTest, type Test } from '@vitest/runner';

export { afterAll, afterEach, beforeAll, beforeEach, describe, it } from '@vitest/runner';

for (const plugin of [JestExtend, JestChaiExpect, JestAsymmetricMatchers]) chai.use(plugin);

interface WithTest extends Chai.Assertion {
  withTest(test: Test): Chai.Assertion;
}

function assertion(value: unknown, message?: string): Chai.Assertion {
  const assert = chai.expect(value, message) as WithTest;
  const test = getCurrentTest();
  return test === undefined ? assert : assert.withTest(test);
}

/** Made as `createExpect` of vitest makes it. */
export const expect: typeof chai.expect = Object.assign(
  assertion,
  chai.expect,
  (globalThis as unknown as Record<symbol, object>)[ASYMMETRIC_MATCHERS_OBJECT],
);
Object.assign(globalThis, { [GLOBAL_EXPECT]: expect });
setState({ assertionCalls: 0, isExpectingAssertions: false, testPath: '' }, expect as never);
