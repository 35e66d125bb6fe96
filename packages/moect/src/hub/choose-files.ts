import { isJsonObject, type Json } from '@moect/core';
import { HubError } from './hub-error.ts';
import type { HubName } from './hub-name.ts';

export const WEIGHTS = 'model.safetensors';
export const INDEX = 'model.safetensors.index.json';

/** Small files that a base is read from; others of a repository are not fetched. */
const DESCRIBES =
  /^(config|generation_config|tokenizer[^/]*|special_tokens_map|chat_template[^/]*)\.json$|^chat_template\.jinja$/;

const ggufsOf = (paths: readonly string[]): string[] => paths.filter((path) => /\.gguf$/i.test(path));

const listed = (paths: readonly string[]): string => {
  const shown = paths.slice(0, 8).join(', ');
  return paths.length > 8 ? `${shown} and ${paths.length - 8} more` : shown;
};

/** The one GGUF file that a name means. Throws HubError. */
export function chooseGguf({ repo, gguf }: HubName, paths: readonly string[]): string | null {
  if (gguf === null) return null;
  const all = ggufsOf(paths);
  const tag = 'tag' in gguf ? gguf.tag.toLowerCase() : null;
  const fits = (path: string): boolean => {
    if ('path' in gguf) return path === gguf.path;
    const name = path.slice(path.lastIndexOf('/') + 1, -'.gguf'.length).toLowerCase();
    return name === tag || name.endsWith(`-${tag}`) || name.endsWith(`.${tag}`) || name.endsWith(`_${tag}`);
  };
  const found = all.filter(fits);
  if (found.length === 1) return found[0]!;
  const asked = 'path' in gguf ? gguf.path : gguf.tag;
  const hint = all.length === 0 ? 'It has no .gguf file at all.' : `It has ${listed(all)}.`;
  const what =
    found.length === 0
      ? `${repo} has no GGUF file ${asked}.`
      : `${repo} has ${found.length} GGUF files ${asked}.`;
  throw new HubError(what, hint, false);
}

/** Files of a base that are fetched first: all that describe it, and its weights or their index. Throws HubError. */
export function chooseFiles({ repo }: HubName, paths: readonly string[]): string[] {
  const described = paths.filter((path) => DESCRIBES.test(path));
  const weights = [WEIGHTS, INDEX].find((name) => paths.includes(name));
  if (weights !== undefined && paths.includes('config.json')) return [...described, weights];
  const ggufs = ggufsOf(paths);
  const lacks = weights === undefined ? 'safetensors weights' : 'config.json';
  const hint =
    ggufs.length === 0
      ? 'Take a model that has them; weights in .bin files are converted with save_pretrained of transformers.'
      : `It has GGUF files; name one, for example ${repo}/${ggufs[0]}.`;
  throw new HubError(`${repo} has no ${lacks}.`, hint, false);
}

/** Files of weights that an index names. Throws HubError. */
export function shardsOf(index: Json, repo: string): string[] {
  const map = isJsonObject(index) ? index['weight_map'] : undefined;
  const names = isJsonObject(map) ? [...new Set(Object.values(map))] : [];
  const isShard = (name: unknown): name is string =>
    typeof name === 'string' && /^[^/\\]+\.safetensors$/.test(name);
  if (names.length > 0 && names.every(isShard)) return names;
  throw new HubError(
    `${repo}: ${INDEX} names no files of weights.`,
    'Take another model or revision.',
    false,
  );
}
