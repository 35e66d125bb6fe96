import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chooseBackend } from '../base/choose-backend.ts';
import { makeText, makeTinyBase } from './make-tiny-base.ts';

/** A folder with two bases and text in three languages. */
export interface TinyWorld {
  /** A path in the folder. */
  at(...names: string[]): string;
  remove(): Promise<void>;
}

/** `base` and `other`, `swh_Latn.txt`, `eng_Latn.txt`, and `rus_Cyrl.txt`, which shares no byte with the others. */
export async function makeTinyWorld(): Promise<TinyWorld> {
  // the number of threads changes no bit, and one thread is faster for so little work
  process.env['MOECT_THREADS'] = '1';
  const folder = await mkdtemp(join(tmpdir(), 'moect-world-'));
  const at = (...names: string[]): string => join(folder, ...names);
  await chooseBackend('wasm');
  await makeTinyBase(at('base'));
  await makeTinyBase(at('other'), 2);
  await makeText(at('swh_Latn.txt'), ['habari', 'dunia', 'watu', 'wote', 'haki', 'sawa'], 120, 1);
  await makeText(at('eng_Latn.txt'), ['hello', 'world', 'people', 'all', 'right', 'same'], 120, 2);
  await makeText(at('rus_Cyrl.txt'), ['мир', 'люди', 'право', 'слово', 'закон'], 60, 3);
  return { at, remove: () => rm(folder, { recursive: true }) };
}
