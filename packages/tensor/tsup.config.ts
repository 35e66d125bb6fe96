import { packageConfig } from '../../tsup.base.ts';

export default packageConfig([
  'src/index.ts',
  'src/cpu.ts',
  'src/wasm.ts',
  'src/wasm-thread.ts',
  'src/webgpu.ts',
  'src/node.ts',
  'src/testing.ts',
]);
