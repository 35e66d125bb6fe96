// by path: the package itself would load TensorFlow.js for one line of text
import { tensorflowObstacle } from '../../packages/backend-node/src/find-package.ts';

/** Says once, for a whole run, why the suites skip a backend. */
export default function announceBackends(): void {
  const obstacle = tensorflowObstacle();
  if (obstacle === undefined) return;
  console.log(`Backend 'node' is not tested: ${obstacle}. 'npm run setup:node-backend' gets it.`);
}
