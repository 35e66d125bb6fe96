import { CorruptDataError } from '@moect/core';
import { parseHubName } from '../hub/hub-name.ts';
import { fetchText, folderUrl, jsonOf } from './fetch-files.ts';

/** A base at an address. */
export interface LocatedUrl {
  /** Address of its folder, with a slash at its end. */
  readonly folder: URL;
  /** Hub id, or the last part of the address. */
  readonly id: string;
  /** Commit of the hub; null for what does not come from there. */
  readonly revision: string | null;
}

const HUB = 'https://huggingface.co';

/** A page has no environment; other programs name a mirror by the variable that Node's front door reads too. */
function endpoint(): string {
  const { process } = globalThis as { process?: { env?: Record<string, string | undefined> } };
  return (process?.env?.['HF_ENDPOINT'] || HUB).replace(/\/+$/, '');
}

/** Whether the page's own server has a base there: then it is that one. */
async function isHere(folder: URL): Promise<boolean> {
  const url = new URL('config.json', folder);
  try {
    jsonOf(await fetchText(url, ''), url);
    return true;
  } catch {
    return false;
  }
}

/** Address of a relative name; null where there is no page that it could be relative to. */
function relativeFolder(url: string): URL | null {
  return URL.canParse(`${url}/`, globalThis.location?.href) ? folderUrl(url) : null;
}

/**
 * Finds a base: a folder at an address, relative to the page, else the hub's model of that name, at the commit that its
 * revision has now. Throws CorruptDataError.
 */
export async function locateBaseUrl(url: string | URL): Promise<LocatedUrl> {
  const name = typeof url === 'string' ? parseHubName(url) : null;
  if (name === null) return at(folderUrl(url));
  const own = relativeFolder(url as string);
  if (own !== null && (await isHere(own))) return at(own);
  const { repo, revision, gguf } = name;
  if (gguf !== null) {
    throw new CorruptDataError(String(url), 'names a GGUF file of the hub', 'Give the address of the file.');
  }
  const model = new URL(
    `${endpoint()}/api/models/${repo}/revision/${encodeURIComponent(revision ?? 'main')}`,
  );
  const hint = "The hub knows models by 'org/name'; write './name' for a folder beside the page.";
  const commit = jsonOf(await fetchText(model, hint), model)['sha'];
  if (typeof commit !== 'string') throw new CorruptDataError(model.href, 'names no commit', hint);
  return { folder: new URL(`${endpoint()}/${repo}/resolve/${commit}/`), id: repo, revision: commit };
}

const at = (folder: URL): LocatedUrl => ({ folder, id: folder.pathname.split('/').at(-2)!, revision: null });
