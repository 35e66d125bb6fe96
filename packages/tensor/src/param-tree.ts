import type { ParamMap, ParamPath, ParamTree, Tensor } from '@moect/core';
import { tf } from './tf.ts';

function isLeaf<T extends Tensor>(node: ParamTree<T> | T): node is T {
  return node instanceof tf.Tensor;
}

/** Dotted names of all leaves, in insertion order. */
export function flattenTree<T extends Tensor>(tree: ParamTree<T>, prefix = ''): Map<ParamPath, T> {
  const flat = new Map<ParamPath, T>();
  for (const [key, node] of Object.entries(tree)) {
    const path = prefix === '' ? key : `${prefix}.${key}`;
    if (isLeaf(node)) flat.set(path, node);
    else for (const [inner, leaf] of flattenTree(node, path)) flat.set(inner, leaf);
  }
  return flat;
}

/** The nested form of the entries below `prefix`. */
export function treeAt<T extends Tensor>(flat: ParamMap<T>, prefix: string): ParamTree<T> {
  const root: Record<string, unknown> = {};
  for (const [path, leaf] of flat) {
    if (!path.startsWith(`${prefix}.`)) continue;
    const keys = path.slice(prefix.length + 1).split('.');
    let node = root;
    for (const key of keys.slice(0, -1)) {
      node[key] ??= {};
      node = node[key] as Record<string, unknown>;
    }
    node[keys[keys.length - 1]!] = leaf;
  }
  return root as ParamTree<T>;
}

/** The same tree with every leaf replaced. */
export function mapTree<T extends Tensor, U extends Tensor>(
  tree: ParamTree<T>,
  f: (leaf: T, path: ParamPath) => U,
  prefix = '',
): ParamTree<U> {
  return Object.fromEntries(
    Object.entries(tree).map(([key, node]) => {
      const path = prefix === '' ? key : `${prefix}.${key}`;
      return [key, isLeaf(node) ? f(node, path) : mapTree(node, f, path)];
    }),
  );
}
