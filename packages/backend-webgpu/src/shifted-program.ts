import type { Program } from './program.ts';

const shifted = new WeakMap<Program, Map<string, Program>>();

const shiftOf = (name: string): string => `${name}Shift`;

/** Replaces each `name[…]` of the text by `name[p.nameShift + …]`. */
const shiftAll = (text: string, names: readonly string[]): string =>
  text.replace(
    new RegExp(`\\b(${names.join('|')})\\[`, 'g'),
    (_, name: string) => `${name}[p.${shiftOf(name)} + `,
  );

function shift(program: Program, names: readonly string[]): Program {
  const { declarations, onSubgroup } = program;
  return {
    ...program,
    name: `${program.name} from ${names}`,
    params: { ...program.params, ...Object.fromEntries(names.map((name) => [shiftOf(name), 'i32'])) },
    ...(declarations !== undefined && { declarations: shiftAll(declarations, names) }),
    ...(onSubgroup !== undefined && { onSubgroup: shift(onSubgroup, names) }),
    body: shiftAll(program.body, names),
  };
}

/**
 * The same program with the named buffers beginning at an element of their bindings: WebGPU binds from multiples
 * of 256 bytes, and rows begin anywhere. The text must use these names for nothing else, and only sums and products
 * in their indices.
 */
export function shiftedProgram(program: Program, names: readonly string[]): Program {
  const known = shifted.get(program) ?? new Map<string, Program>();
  shifted.set(program, known);
  const key = names.join();
  const made = known.get(key) ?? shift(program, names);
  known.set(key, made);
  return made;
}

/** Parameters of a {@link shiftedProgram}. @param elements where each buffer begins */
export function shiftParams(
  { reads, writes }: Program,
  elements: Readonly<Record<string, number>>,
): Record<string, number> {
  const units = ([name, element]: readonly [string, number]): readonly [string, number] => {
    const isQuads = (reads[name] ?? writes[name]) === 'vec4<f32>';
    return [shiftOf(name), isQuads ? element / 4 : element];
  };
  return Object.fromEntries(Object.entries(elements).map(units));
}
