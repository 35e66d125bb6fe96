import { MathBackendCPU } from '@tensorflow/tfjs-backend-cpu';
import { registerFastSegmentSum } from './segment-sum.ts';
import { tf } from './tf.ts';

/** Makes TensorFlow.js's plain JavaScript backend the active one. Reference for tests. */
export async function useCpu(): Promise<void> {
  registerFastSegmentSum();
  await tf.setBackend('cpu');
  await tf.ready();
  // the stock backend recommends tfjs-node on first use; `moect doctor` does that better
  const backend = tf.backend();
  if (backend instanceof MathBackendCPU) (backend as unknown as { firstUse: boolean }).firstUse = false;
}
