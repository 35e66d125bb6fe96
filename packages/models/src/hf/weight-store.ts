import type { TensorStore } from '@moect/safetensors';
import type { BlockStorage, BlockValues } from '@moect/tensor';

/** A store that may hold matrices in fewer bytes than float32, and can hand them over as they are. */
export interface WeightStore extends TensorStore {
  /** Storage that keeps a tensor's values exactly as they lie in the store. Absent: float32 for all. */
  storageOf?(name: string): 'float32' | 'bfloat16' | BlockStorage;
  /** A matrix whose storage is blocks of GGML, as it lies in the store. Throws CorruptDataError, NoMatchingParameterError. */
  blocks?(name: string): Promise<BlockValues>;
  /** Every linear weight lies as [out, in], also where the family's own files hold it transposed. */
  readonly isOutIn?: boolean;
}

/** Storage that keeps a tensor's values exactly as they lie in the store. */
export const exactStorage = (
  store: WeightStore,
  name: string,
): ReturnType<NonNullable<WeightStore['storageOf']>> =>
  store.storageOf?.(name) ?? (store.dtypeOf?.(name) === 'BF16' ? 'bfloat16' : 'float32');
