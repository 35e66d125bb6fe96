import { nodeBuiltin } from './node-builtin.ts';

interface NodeModule {
  createRequire(file: string): (name: string) => unknown;
}

/**
 * The version of TensorFlow.js's core that a program would import, where that is another than ours.
 * @param program file of the program
 * @param own version of the core that this backend was loaded with
 * @returns null where it is the same, or none is found
 */
export function otherCore(program: string, own: string): string | null {
  try {
    const load = nodeBuiltin<NodeModule>('node:module')!.createRequire(program);
    const { version } = load('@tensorflow/tfjs-core/package.json') as { readonly version: string };
    return version === own ? null : version;
  } catch {
    return null;
  }
}

/** Says once that a program would compute with two copies of TensorFlow.js, which share neither kernels nor gradients. */
export function warnOfOtherCore(own: string): void {
  const { process } = globalThis as {
    process?: { argv?: readonly string[]; emitWarning?(text: string, options: object): void };
  };
  const program = process?.argv?.[1];
  const other = program === undefined ? null : otherCore(program, own);
  if (other === null) return;
  process!.emitWarning!(
    `This program has @tensorflow/tfjs-core ${other} and moect ${own}: two copies do not know each other's kernels. ` +
      `Install one version: npm install @tensorflow/tfjs-core@${own} (with @tensorflow/tfjs: @tensorflow/tfjs@${own}).`,
    { code: 'MOECT_TWO_CORES' },
  );
}
