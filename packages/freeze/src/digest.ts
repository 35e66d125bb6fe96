import { MoectError, type ParamMap, type ParamPath, type Tensor } from '@moect/core';
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';

type Hasher = ReturnType<typeof sha256.create>;

const littleEndian = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

/** The values' bytes, lowest first on every machine. */
function bytesOf(values: Float32Array | Int32Array | Uint8Array): Uint8Array {
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  if (littleEndian || values.BYTES_PER_ELEMENT === 1) return bytes;
  const words = new Uint32Array(bytes.slice().buffer);
  const view = new DataView(words.buffer);
  for (const [i, word] of words.entries()) view.setUint32(4 * i, word, true);
  return new Uint8Array(words.buffer);
}

async function absorb(hash: Hasher, name: ParamPath, tensor: Tensor): Promise<void> {
  hash.update(utf8ToBytes(`${name}\0${tensor.dtype}\0${tensor.shape.join(',')}\0`));
  hash.update(bytesOf(await tensor.data()));
}

const sorted = (parameters: ParamMap): [ParamPath, Tensor][] =>
  [...parameters].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));

/**
 * SHA-256 of parameters, as 64 hexadecimal digits. Hashed, by name in ascending order of code units: name, 0 byte,
 * dtype, 0 byte, shape joined by commas, 0 byte, then the values' little-endian bytes. Insertion order and backend do
 * not matter; one changed bit does. Reads one tensor at a time. A weight in compressed storage counts with the float32
 * values that it stands for: bfloat16 weights from a bfloat16 file have the digest that they have in float32.
 */
export async function digestParameters(parameters: ParamMap): Promise<string> {
  const digest = createParameterDigest();
  for (const [name, tensor] of sorted(parameters)) await digest.add(name, tensor);
  return digest.hex();
}

/** The digest of {@link digestParameters}, one parameter at a time. */
export interface ParameterDigest {
  /** Adds one parameter. Names must come in ascending order of code units; throws RangeError otherwise. */
  add(name: ParamPath, tensor: Tensor): Promise<void>;
  /** SHA-256 of all that were added, as 64 hexadecimal digits. Ends the digest. */
  hex(): string;
}

/** Begins a digest of parameters that are not all in memory at once. */
export function createParameterDigest(): ParameterDigest {
  const hash = sha256.create();
  let last: ParamPath | undefined;
  return {
    async add(name, tensor) {
      if (last !== undefined && name <= last) throw new RangeError(`'${name}' must come before '${last}'.`);
      last = name;
      await absorb(hash, name, tensor);
    },
    hex: () => bytesToHex(hash.digest()),
  };
}

/** One digest for each parameter, so that {@link assertUnchanged} can name those that moved. */
export async function digestEachParameter(parameters: ParamMap): Promise<Map<ParamPath, string>> {
  const digests = new Map<ParamPath, string>();
  for (const [name, tensor] of sorted(parameters)) {
    const hash = sha256.create();
    await absorb(hash, name, tensor);
    digests.set(name, bytesToHex(hash.digest()));
  }
  return digests;
}

/** Frozen parameters moved. */
export class ParametersChangedError extends MoectError {
  /** Names that changed, appeared or vanished; empty when only whole digests were compared. */
  readonly changed: readonly ParamPath[];

  constructor(reason: string, changed: readonly ParamPath[]) {
    super(
      'ParametersChangedError',
      `Frozen parameters changed: ${reason}.`,
      'Discard this run: something outside the trainable parameters was written to.',
    );
    this.changed = changed;
  }
}

type Digest = string | ReadonlyMap<ParamPath, string>;

/** Compares two results of {@link digestParameters} or {@link digestEachParameter}. Throws ParametersChangedError. */
export function assertUnchanged<D extends Digest>(before: D, after: D): void {
  if (typeof before === 'string' || typeof after === 'string') {
    if (before === after) return;
    throw new ParametersChangedError(`sha256 was ${String(before)}, is ${String(after)}`, []);
  }
  const names = new Set([...before.keys(), ...after.keys()]);
  const changed = [...names].filter((name) => before.get(name) !== after.get(name));
  if (changed.length === 0) return;
  const shown = changed.slice(0, 5).join(', ');
  throw new ParametersChangedError(`${changed.length} of ${names.size}, among them ${shown}`, changed);
}
