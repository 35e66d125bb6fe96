import { MoectError, type ParamMap, type ParamPath, type Tensor } from '@moect/core';
import { runningSha256, sha256Hex, sha256Of, toHex } from './sha256.ts';

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

const textEncoder = new TextEncoder();

/** What stands before a parameter's values. */
const headOf = (name: ParamPath, { dtype, shape }: Tensor): Uint8Array =>
  textEncoder.encode(`${name}\0${dtype}\0${shape.join(',')}\0`);

/** WebCrypto takes its input whole, and copies it. */
const BLOCK_BYTES = 16 * 2 ** 20;
/** Blocks that are hashed side by side: as many as Node has threads for it. */
const BLOCKS_AT_ONCE = 4;

const DOMAIN = textEncoder.encode('moect-parameters/2\0');

/** The record of one parameter: its head, then SHA-256 of each block of its values. */
async function recordOf(name: ParamPath, tensor: Tensor): Promise<Uint8Array[]> {
  const bytes = bytesOf(await tensor.data());
  const record = [headOf(name, tensor)];
  const stride = BLOCKS_AT_ONCE * BLOCK_BYTES;
  for (let from = 0; from < bytes.length; from += stride) {
    const group: Promise<Uint8Array>[] = [];
    for (let at = from; at < Math.min(from + stride, bytes.length); at += BLOCK_BYTES) {
      group.push(sha256Of(bytes.subarray(at, at + BLOCK_BYTES)));
    }
    record.push(...(await Promise.all(group)));
  }
  return record;
}

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}

const sorted = (parameters: ParamMap): [ParamPath, Tensor][] =>
  [...parameters].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));

/**
 * Digest of parameters, as 64 hexadecimal digits: SHA-256 of `moect-parameters/2`, 0 byte, and a record for each
 * parameter, by name in ascending order of code units. A record is name, 0 byte, dtype, 0 byte, shape joined by commas,
 * 0 byte, and the SHA-256 of each 16 MiB of the values' little-endian bytes. Blocks are what the platform's own hashing
 * can take, several at once (docs/decisions/2026-11-30-identity-of-a-base.md).
 *
 * Insertion order and backend do not matter; one changed bit does. Reads one tensor at a time. A weight in compressed
 * storage counts with the float32 values that it stands for: bfloat16 weights from a bfloat16 file have the digest that
 * they have in float32.
 */
export async function digestParameters(parameters: ParamMap): Promise<string> {
  const digest = createParameterDigest();
  for (const [name, tensor] of sorted(parameters)) await digest.add(name, tensor);
  return digest.hex();
}

/** A digest of parameters, one at a time. */
export interface ParameterDigest {
  /** Adds one parameter. Names must come in ascending order of code units; throws RangeError otherwise. */
  add(name: ParamPath, tensor: Tensor): Promise<void>;
  /** The digest of all that were added, as 64 hexadecimal digits. Ends the digest. */
  hex(): Promise<string>;
}

function inOrder(add: ParameterDigest['add']): ParameterDigest['add'] {
  let last: ParamPath | undefined;
  return async (name, tensor) => {
    if (last !== undefined && name <= last) throw new RangeError(`'${name}' must come before '${last}'.`);
    last = name;
    await add(name, tensor);
  };
}

/** Begins a digest of parameters that are not all in memory at once; see {@link digestParameters}. */
export function createParameterDigest(): ParameterDigest {
  const records: Uint8Array[] = [DOMAIN];
  return {
    add: inOrder(async (name, tensor) => void records.push(...(await recordOf(name, tensor)))),
    hex: async () => sha256Hex(joined(records)),
  };
}

/**
 * Begins the digest that packs and runs made before December 2026 name their base by: SHA-256 over names, dtypes, shapes
 * and values in one stream.
 */
export function createFormerParameterDigest(): ParameterDigest {
  const hash = runningSha256();
  return {
    add: inOrder(async (name, tensor) => {
      hash.update(headOf(name, tensor));
      hash.update(bytesOf(await tensor.data()));
    }),
    hex: async () => toHex(hash.digest()),
  };
}

/** One digest for each parameter, so that {@link assertUnchanged} can name those that moved. */
export async function digestEachParameter(parameters: ParamMap): Promise<Map<ParamPath, string>> {
  const digests = new Map<ParamPath, string>();
  for (const [name, tensor] of sorted(parameters)) {
    digests.set(name, await sha256Hex(joined(await recordOf(name, tensor))));
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
