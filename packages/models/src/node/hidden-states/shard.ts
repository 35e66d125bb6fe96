import { createHash, randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { CorruptDataError, decodeBfloat16 } from '@moect/core';
import { openSafetensors, writeSafetensorsFile } from '@moect/safetensors/node';

const SCHEMA = 'moect-hidden-states/1';

/** Location of one sequence's states. */
export interface ShardEntry {
  readonly file: string;
  /** SHA-256 of key and bytes. */
  readonly checksum: string;
}

const littleEndian = (bits: Uint16Array): Uint8Array =>
  new Uint8Array(bits.buffer as ArrayBuffer, bits.byteOffset, bits.byteLength);

const checksumOf = (key: string, bytes: Uint8Array): string =>
  createHash('sha256').update(key).update(bytes).digest('hex');

function corrupt(file: string, reason: string): never {
  throw new CorruptDataError(file, reason, 'It is made again where it is needed.');
}

/**
 * Writes a shard: a safetensors file with one bf16 tensor [tokens, width] for each sequence. The file appears whole or
 * not at all.
 * @param identity base, point and backend of the states
 */
export async function writeShard(
  folder: string,
  identity: string,
  width: number,
  rows: ReadonlyMap<string, Uint16Array>,
): Promise<Map<string, ShardEntry>> {
  const file = join(folder, `shard-${randomUUID()}.safetensors`);
  const entries = [...rows].map(([key, bits]) => [key, checksumOf(key, littleEndian(bits))] as const);
  const checksums = JSON.stringify(Object.fromEntries(entries));
  const tensors = [...rows].map(([key, bits]) => {
    return [key, { shape: [bits.length / width, width], data: decodeBfloat16(bits) }] as const;
  });
  const metadata = { schema: SCHEMA, identity, checksums };
  await writeSafetensorsFile(file, tensors, { dtype: 'BF16', metadata });
  return new Map(entries.map(([key, checksum]) => [key, { file, checksum }]));
}

/** Locations of a shard's states, by key. Throws CorruptDataError for a damaged, cut or foreign shard. */
export async function indexShard(file: string, identity: string): Promise<Map<string, ShardEntry>> {
  const { metadata, entries, close } = await openSafetensors(file);
  await close();
  if (metadata['schema'] !== SCHEMA) corrupt(file, `has schema '${metadata['schema']}', not '${SCHEMA}'`);
  if (metadata['identity'] !== identity) corrupt(file, 'was made with another base, point or backend');
  const checksums: unknown = JSON.parse(metadata['checksums'] ?? 'null');
  const index = new Map<string, ShardEntry>();
  for (const key of entries.keys()) {
    const checksum = (checksums as Record<string, unknown> | null)?.[key];
    if (typeof checksum !== 'string') return corrupt(file, `has no checksum of ${key}`);
    index.set(key, { file, checksum });
  }
  return index;
}

/** The states of one sequence, as bf16. Throws CorruptDataError if any bit changed since writing. */
export async function readEntry(key: string, { file, checksum }: ShardEntry): Promise<Uint16Array> {
  const shard = await openSafetensors(file);
  try {
    const bytes = await shard.bytes(key);
    if (checksumOf(key, bytes) !== checksum) corrupt(file, `the states of ${key} differ from their checksum`);
    const isAligned = bytes.byteOffset % 2 === 0;
    const { buffer, byteOffset } = isAligned ? bytes : new Uint8Array(bytes);
    return new Uint16Array(buffer, byteOffset, bytes.byteLength / 2);
  } finally {
    await shard.close();
  }
}
