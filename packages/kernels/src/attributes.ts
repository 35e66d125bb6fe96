import type { AttrKind } from './spec.ts';

/** Type checks of the simple attribute kinds. */
const IS: Readonly<Record<'number' | 'boolean' | 'shape' | 'compressed', (value: unknown) => boolean>> = {
  number: (value) => typeof value === 'number',
  boolean: (value) => typeof value === 'boolean',
  shape: (value) => Array.isArray(value),
  compressed: (value) => typeof value === 'object' && value !== null,
};

/**
 * An attribute of a call, checked.
 * @param count items of the kernel's lists
 * @throws TypeError for another kind of value, RangeError for a size below 0 or with a fraction
 */
export function checkedAttr(
  kernel: string,
  name: string,
  kind: AttrKind,
  value: unknown,
  count: number,
): unknown {
  if (typeof kind !== 'string') {
    if (kind.includes(value as string)) return value;
    throw new TypeError(
      `${kernel}: ${name} must be ${kind.map((one) => `'${one}'`).join(' or ')}, not ${value}.`,
    );
  }
  if (kind === 'size') {
    if (Number.isInteger(value) && (value as number) >= 0) return value;
    throw new RangeError(`${kernel}: ${name} must be an integer of at least 0, not ${value}.`);
  }
  if (kind === 'numbers*' || kind === 'booleans*') {
    if (Array.isArray(value) && value.length === count) return value;
    throw new TypeError(`${kernel}: ${name} must be ${count} ${kind.slice(0, -1)}, one for each item.`);
  }
  if (IS[kind](value)) return value;
  throw new TypeError(`${kernel}: the attribute '${name}' must be a ${kind}, not ${value}.`);
}
