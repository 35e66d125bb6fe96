import { nodeBuiltin, userCacheFolder } from '@moect/kernels/host';

/** Measured steps per second by backend. */
export type Speeds = Readonly<Record<string, number>>;

interface Fs {
  readFileSync(path: string, encoding: 'utf8'): string;
  mkdirSync(path: string, options: { recursive: true }): void;
  writeFileSync(path: string, text: string): void;
  renameSync(from: string, to: string): void;
}

const remembered = new Map<string, Speeds>();

/** undefined outside of Node. */
function cacheFile(): string | undefined {
  const folder = userCacheFolder();
  return folder === undefined ? undefined : `${folder}/backend-speeds.json`;
}

function readAll(): Record<string, Speeds> {
  try {
    const text = nodeBuiltin<Fs>('node:fs')!.readFileSync(cacheFile()!, 'utf8');
    const parsed: unknown = JSON.parse(text);
    return typeof parsed === 'object' && parsed !== null ? (parsed as Record<string, Speeds>) : {};
  } catch {
    // the file is absent or torn, or there is no file system: speeds are measured again
    return {};
  }
}

/** Speeds measured on this machine by the same version with the same packages installed. */
export function cachedSpeeds(key: string): Speeds | undefined {
  return remembered.get(key) ?? readAll()[key];
}

/** Remembers speeds for this process, and if `forOthers` for later ones. */
export function cacheSpeeds(key: string, speeds: Speeds, forOthers: boolean): void {
  remembered.set(key, speeds);
  const file = forOthers ? cacheFile() : undefined;
  if (file === undefined) return;
  try {
    const fs = nodeBuiltin<Fs>('node:fs')!;
    fs.mkdirSync(file.slice(0, file.lastIndexOf('/')), { recursive: true });
    const mine = `${file}.${process.pid}`;
    fs.writeFileSync(mine, `${JSON.stringify({ ...readAll(), [key]: speeds }, null, 2)}\n`);
    fs.renameSync(mine, file);
  } catch {
    // the folder is not writable: the next process measures again
  }
}
