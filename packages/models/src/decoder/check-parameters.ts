import { NoMatchingParameterError, type ParamPath, ShapeMismatchError } from '@moect/core';

type Shapes = ReadonlyMap<ParamPath, readonly number[]>;

/**
 * Compares the given weights with the weights that a model needs.
 * Throws NoMatchingParameterError for missing and for unused ones, ShapeMismatchError for the first wrong shape.
 * @param source names where `given` comes from
 */
export function checkParameters(needed: Shapes, given: Shapes, source: string): void {
  const missing = [...needed.keys()].filter((name) => !given.has(name));
  if (missing.length > 0) {
    throw new NoMatchingParameterError(
      `${source} lacks ${missing.length} weight(s) that its configuration asks for`,
      missing,
      [...given.keys()],
      'Check that the configuration belongs to these weights.',
    );
  }
  const unused = [...given.keys()].filter((name) => !needed.has(name));
  if (unused.length > 0) {
    throw new NoMatchingParameterError(
      `${source} has ${unused.length} tensor(s) that the model does not use`,
      unused,
      [...needed.keys()],
      'Check that the configuration belongs to these weights.',
    );
  }
  for (const [name, shape] of needed) checkShape(name, given.get(name)!, shape);
}

export function checkShape(name: string, given: readonly number[], expected: readonly number[]): void {
  if (given.join() !== expected.join()) throw new ShapeMismatchError(name, given, `[${expected.join(', ')}]`);
}
