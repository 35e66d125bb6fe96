import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { CorruptDataError, isJsonObject } from '@moect/core';
import { storeOf, type TensorStore } from '@moect/safetensors';
import { type OpenSafetensors, openSafetensors, readJsonFile } from '@moect/safetensors/node';

export interface FolderStore extends TensorStore {
  close(): Promise<void>;
}

const SINGLE = 'model.safetensors';
const INDEX = 'model.safetensors.index.json';

async function readIndex(path: string): Promise<Map<string, string>> {
  const { weight_map: map } = await readJsonFile(path);
  const wrong = (reason: string): never => {
    throw new CorruptDataError(path, reason, 'Fetch the index again.');
  };
  if (!isJsonObject(map)) return wrong('weight_map is missing');
  for (const [name, file] of Object.entries(map)) {
    if (typeof file !== 'string' || basename(file) !== file || !file.endsWith('.safetensors')) {
      wrong(`'${name}' lies in ${JSON.stringify(file)}, which is no safetensors file of this folder`);
    }
  }
  return new Map(Object.entries(map) as [string, string][]);
}

function checkShard(
  index: ReadonlyMap<string, string>,
  file: string,
  shard: OpenSafetensors,
  path: string,
): void {
  const promised = [...index].filter(([, where]) => where === file).map(([name]) => name);
  const missing = promised.filter((name) => !shard.entries.has(name));
  const extra = [...shard.entries.keys()].filter((name) => index.get(name) !== file);
  if (missing.length + extra.length === 0) return;
  const differences = [
    ...missing.map((name) => `lacks ${name}`),
    ...extra.map((name) => `also holds ${name}`),
  ];
  throw new CorruptDataError(
    path,
    `against the index, ${file} ${differences.join(', ')}`,
    'Fetch both again.',
  );
}

async function openShards(folder: string): Promise<FolderStore> {
  const path = join(folder, INDEX);
  const index = await readIndex(path);
  const shards = new Map<string, OpenSafetensors>();
  const close = async (): Promise<void> => {
    for (const shard of shards.values()) await shard.close();
  };
  try {
    for (const file of new Set(index.values())) {
      const shard = await openSafetensors(join(folder, file));
      shards.set(file, shard);
      checkShard(index, file, shard, path);
    }
  } catch (error) {
    await close();
    throw error;
  }
  const shardOf = (name: string): OpenSafetensors =>
    shards.get(index.get(name) ?? '') ?? [...shards.values()][0]!;
  return {
    name: path,
    shapes: new Map([...index.keys()].map((name) => [name, shardOf(name).entries.get(name)!.shape])),
    dtypeOf: (name) => shardOf(name).entries.get(name)?.dtype,
    tensor: (name) => shardOf(name).tensor(name),
    close,
  };
}

/** The weights of a Hugging Face folder, in one file or in shards. Throws CorruptDataError. */
export async function openFolderStore(folder: string): Promise<FolderStore> {
  if (existsSync(join(folder, SINGLE))) {
    const file = await openSafetensors(join(folder, SINGLE));
    return { ...storeOf(file), close: file.close };
  }
  if (existsSync(join(folder, INDEX))) return openShards(folder);
  throw new CorruptDataError(
    folder,
    `has neither ${SINGLE} nor ${INDEX}`,
    'Give a folder with safetensors weights; convert .bin weights with save_pretrained of transformers.',
  );
}
