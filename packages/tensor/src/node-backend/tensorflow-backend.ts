import { tf } from '../tf.ts';

/** The name under which tfjs-node and tfjs-node-gpu register themselves. */
export const TENSORFLOW = 'tensorflow';

/** The part of tfjs-node's backend that we use; the package is optional, so its types are not at hand. */
export interface TensorflowBackend {
  readonly isUsingGpuDevice: boolean;
  readonly binding: { readonly TF_Version: string };
}

export function tensorflowBackend(): TensorflowBackend {
  return tf.findBackend(TENSORFLOW) as unknown as TensorflowBackend;
}
