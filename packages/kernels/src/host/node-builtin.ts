interface NodeProcess {
  getBuiltinModule?(name: string): unknown;
}

/** A built-in module of Node, or undefined elsewhere. Nothing is imported, so bundlers see nothing. */
export function nodeBuiltin<T>(name: string): T | undefined {
  const { process } = globalThis as { process?: NodeProcess };
  return process?.getBuiltinModule?.(name) as T | undefined;
}
