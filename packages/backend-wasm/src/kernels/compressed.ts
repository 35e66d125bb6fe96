import { Compressed } from '@moect/kernels';
import { CompressedMatrix } from '../compressed-matrix.ts';
import { implement } from '../kernel.ts';

/** A tensor with compressed values. */
export function registerCompressed(): void {
  implement(Compressed, ({ attrs, backend }) =>
    backend.compressedOutput([...attrs.shape], new CompressedMatrix(backend.runtime, attrs.values)),
  );
}
