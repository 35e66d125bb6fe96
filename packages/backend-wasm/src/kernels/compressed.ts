import { Compressed, widenValues } from '@moect/kernels';
import { CompressedMatrix } from '../compressed-matrix.ts';
import { implement } from '../kernel.ts';

/** A tensor with compressed values. */
export function registerCompressed(): void {
  implement(Compressed, ({ attrs: { shape, values }, backend }) => {
    if ('scales' in values) {
      return backend.compressedOutput([...shape], new CompressedMatrix(backend.runtime, values));
    }
    const out = backend.output([...shape], 'float32');
    backend.runtime.store(out.pointer, widenValues(values));
    return out.info;
  });
}
