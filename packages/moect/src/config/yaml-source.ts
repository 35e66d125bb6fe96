import { type ConfigProblem, InvalidConfigError } from '@moect/core';
import { isMap, isScalar, LineCounter, type Node, parseDocument } from 'yaml';
import type { KeyPath, LineOf } from './key-path.ts';

export interface YamlSource {
  readonly value: unknown;
  readonly lineOf: LineOf;
}

/** Offset of the key, so that the line is right if the value begins on the next line. */
function offsetAt(root: Node | null, path: KeyPath): number | undefined {
  let node: Node | null = root;
  let offset = root?.range?.[0];
  for (const key of path) {
    if (isMap(node)) {
      const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === String(key));
      if (pair === undefined) return offset;
      offset = (pair.key as Node).range?.[0] ?? offset;
      node = (pair.value ?? null) as Node | null;
    } else {
      const items = (node as { items?: readonly unknown[] } | null)?.items;
      const child = items?.[Number(key)] as Node | undefined;
      if (child === undefined) return offset;
      node = child;
      offset = node.range?.[0] ?? offset;
    }
  }
  return offset;
}

/**
 * Parses YAML 1.2, keeping the line of every key.
 * Throws InvalidConfigError for broken YAML, duplicate keys and more than one document, all at once.
 */
export function parseYaml(text: string, name: string): YamlSource {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true });
  const problems = document.errors.map((error): ConfigProblem => {
    return { path: '(YAML)', message: error.message, line: lines.linePos(error.pos[0]).line };
  });
  if (problems.length > 0) throw new InvalidConfigError(name, problems);
  const lineOf: LineOf = (path) => {
    const offset = offsetAt(document.contents as Node | null, path);
    return offset === undefined ? undefined : lines.linePos(offset).line;
  };
  try {
    return { value: document.toJS({ maxAliasCount: 100 }), lineOf };
  } catch (error) {
    throw new InvalidConfigError(name, [{ path: '(YAML)', message: (error as Error).message }]);
  }
}
