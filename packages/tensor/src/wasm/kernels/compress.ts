import { type CompressedStorage, compressValues } from '../../frozen/compressed-values.ts';
import { CompressedMatrix } from '../compressed-matrix.ts';
import { registerWasmKernel } from '../kernel.ts';

/** A copy of a float32 tensor in compressed storage (src/frozen/compress-frozen.ts). */
export function registerCompress(): void {
  registerWasmKernel('MoectCompress', ({ inputs, attrs, backend }) => {
    const x = inputs['x']!;
    const values = backend.values(x) as Float32Array;
    const rows = values.length === 0 ? 0 : values.length / x.shape.at(-1)!;
    const compressed = compressValues(values, rows, attrs['storage'] as CompressedStorage);
    return backend.compressedOutput(x.shape, new CompressedMatrix(backend.runtime, compressed));
  });
}
