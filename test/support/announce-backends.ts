// by path: the set-up of a run does not resolve packages to their sources
import { tensorflowObstacle } from '../../packages/tensor/src/node-backend/find-package.ts';

/** Says once, for a whole run, why the suites skip a backend. */
export default function announceBackends(): void {
  const obstacle = tensorflowObstacle();
  if (obstacle === undefined) return;
  console.log(`Backend 'node' is not tested: ${obstacle}. 'npm run setup:node-backend' gets it.`);
}
