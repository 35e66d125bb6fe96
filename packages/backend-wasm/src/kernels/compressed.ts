import type { CompressedValues } from '@moect/kernels';
import { CompressedMatrix } from '../compressed-matrix.ts';
import { registerWasmKernel } from '../kernel.ts';

/** A tensor with compressed values (src/frozen/compress-frozen.ts). */
export function registerCompressed(): void {
  registerWasmKernel('MoectCompressed', ({ attrs, backend }) => {
    const values = attrs['values'] as unknown as CompressedValues;
    return backend.compressedOutput(
      attrs['shape'] as number[],
      new CompressedMatrix(backend.runtime, values),
    );
  });
}
