/** Name of a model on a hub. */
export interface HubName {
  /** `org/name` */
  readonly repo: string;
  /** Branch, tag or commit; null: the default branch. */
  readonly revision: string | null;
  /** One GGUF file of the repository: its path, or the name of its quantisation such as `Q4_K_M`. */
  readonly gguf: { readonly path: string } | { readonly tag: string } | null;
}

const PART = '[A-Za-z0-9][A-Za-z0-9._-]*';
const NAME = new RegExp(`^(${PART}/${PART})(?:@(refs/pr/\\d+|[\\w.-]+))?(?:/(.+\\.gguf)|:([\\w.-]+))?$`);

/**
 * Reads `org/name`, `org/name@revision`, `org/name/file.gguf` and `org/name:Q4_K_M`, the spellings of llama.cpp,
 * Ollama and transformers. Null for everything else: paths begin with a dot, a slash or a drive, or have other parts.
 */
export function parseHubName(text: string): HubName | null {
  const match = NAME.exec(text);
  const [, repo, revision = null, path, tag] = match ?? [];
  // two parts that end like a file are a path
  if (repo === undefined || /\.(gguf|safetensors|json|ya?ml)$/i.test(repo) || repo.includes('..'))
    return null;
  if (path?.split('/').includes('..') === true) return null;
  if (path !== undefined) return { repo, revision, gguf: { path } };
  if (tag === undefined) return { repo, revision, gguf: null };
  return { repo, revision, gguf: tag.endsWith('.gguf') ? { path: tag } : { tag } };
}

/** The name in its first spelling, at a commit: what opens the same model again. */
export function hubPlace(repo: string, commit: string, ggufPath: string | null): string {
  return `${repo}@${commit}${ggufPath === null ? '' : `/${ggufPath}`}`;
}
