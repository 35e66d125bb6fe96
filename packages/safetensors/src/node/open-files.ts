import { type GgufFile, readGguf } from '../gguf/read-gguf.ts';
import { readSafetensors, type SafetensorsFile } from '../read-safetensors.ts';
import { type FileSource, fileSource } from './file-source.ts';

export interface OpenSafetensors extends SafetensorsFile {
  close(): Promise<void>;
}

export interface OpenGguf extends GgufFile {
  close(): Promise<void>;
}

async function opened<File>(
  path: string,
  read: (source: FileSource) => Promise<File>,
): Promise<File & { close(): Promise<void> }> {
  const source = await fileSource(path);
  try {
    return { ...(await read(source)), close: source.close };
  } catch (error) {
    await source.close();
    throw error;
  }
}

/** Opens a safetensors file; only its header is read until a tensor is asked for. Throws CorruptDataError. */
export function openSafetensors(path: string): Promise<OpenSafetensors> {
  return opened(path, readSafetensors);
}

/** Opens a GGUF file, see `readGguf`; only its header is read until a tensor is asked for. Throws CorruptDataError. */
export function openGguf(path: string): Promise<OpenGguf> {
  return opened(path, readGguf);
}
