// Entry of the bundle: runs tfjs-core's own specs on one backend and sends the results to the parent process.
// Arguments: name of the backend, and 'strict' for small chunks on threads and poisoned memory. Order matters:
// the specs need jasmine's globals and their test environment when they load.
import { jasmineEnv } from './jasmine.ts';
import '@tensorflow/tfjs-backend-cpu';
import '@moect/backend-wasm';
import '@tensorflow/tfjs-core/dist/public/chained_ops/register_all_chained_ops.js';
import '@tensorflow/tfjs-core/dist/register_all_gradients.js';
import './environment.ts';
import '@tensorflow/tfjs-core/dist/tests.js';
import type { SpecOutcome } from './outcomes.ts';

const outcomes: SpecOutcome[] = [];
jasmineEnv.configure({ random: false });
jasmineEnv.addReporter({
  specDone({ fullName, status, failedExpectations }) {
    outcomes.push({ name: fullName, status, messages: failedExpectations.map(({ message }) => message) });
  },
});
jasmineEnv.execute().then(({ failedExpectations }) => {
  // failures outside of any spec, as in beforeAll
  if (failedExpectations.length > 0) throw new Error(JSON.stringify(failedExpectations[0]));
  process.send!(outcomes, () => process.exit(0));
});
