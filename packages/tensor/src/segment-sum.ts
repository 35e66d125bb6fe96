import type { MathBackendCPU } from '@tensorflow/tfjs-backend-cpu';
import { tf } from './tf.ts';

let registered = false;

/** Stock UnsortedSegmentSum visits every row for every segment; this one visits each row once. */
export function registerFastSegmentSum(): void {
  if (registered) return;
  registered = true;
  tf.unregisterKernel('UnsortedSegmentSum', 'cpu');
  tf.registerKernel({
    kernelName: 'UnsortedSegmentSum',
    backendName: 'cpu',
    kernelFunc: ({ inputs, attrs, backend }) => {
      const { x, segmentIds } = inputs as { x: tf.TensorInfo; segmentIds: tf.TensorInfo };
      const numSegments = (attrs as unknown as { numSegments: number }).numSegments;
      const cpu = backend as MathBackendCPU;
      const values = cpu.data.get(x.dataId).values as Float32Array;
      const ids = cpu.data.get(segmentIds.dataId).values as Int32Array;
      const inner = x.shape.slice(segmentIds.shape.length).reduce((a, b) => a * b, 1);
      const shape = [numSegments, ...x.shape.slice(segmentIds.shape.length)];
      const out =
        x.dtype === 'int32' ? new Int32Array(numSegments * inner) : new Float32Array(numSegments * inner);
      ids.forEach((segment, row) => {
        if (segment < 0) return;
        for (let j = 0; j < inner; j++) out[segment * inner + j]! += values[row * inner + j]!;
      });
      return cpu.makeTensorInfo(shape, x.dtype, out);
    },
  });
}
