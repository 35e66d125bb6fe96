import { fileNameOf } from '@moect/data';
import type { Base } from '../base/base.ts';
import type { ResolvedRun } from '../config/resolved-run.ts';
import type { RunFolder } from '../platform/platform.ts';
import type { LanguageText } from './pack-text.ts';
import type { EvaluationLanguage } from './run-input.ts';

/** Contents of a run's record. */
export interface Recorded {
  readonly run: ResolvedRun;
  readonly base: Base;
  readonly texts: readonly LanguageText[];
  readonly evaluation?: readonly EvaluationLanguage[] | undefined;
  readonly gpuMemoryBytes?: number | undefined;
  /** Further facts found by the run. */
  readonly found: object;
  /** The configuration as given, to be repeated from the run's folder; none from a program. */
  readonly text?: string | undefined;
  /** Modules with parts, the requested backend, and the given name of the base. */
  readonly asked?:
    | { readonly parts?: readonly string[]; readonly backend?: object; readonly baseId?: string | undefined }
    | undefined;
}

/**
 * The contents of `resolved.json`: a configuration with every setting resolved, so that `moect train run/resolved.json`
 * repeats the run (of text in files), and under `resolved` further facts found by the run. Paths are relative to the
 * folder of the run (but for the cache, which many runs share), so that it can be moved together with base and texts; `resolved.folder` says where it was.
 */
function resolvedConfig(
  { run, base, evaluation, asked, gpuMemoryBytes, found }: Recorded,
  { folder, seen }: RunFolder,
): object {
  const { tokens: _tokens, epochs: _epochs, ...training } = run.training;
  const parts = (asked?.parts ?? []).map(seen);
  const placed = <T extends { readonly files?: readonly string[] }>(language: T): T =>
    language.files === undefined ? language : { ...language, files: language.files.map(seen) };
  return {
    base: seen(base.place),
    ...(asked?.baseId !== undefined && { baseId: asked.baseId }),
    baseStorage: base.storage,
    ...(parts.length > 0 && { parts }),
    preset: run.preset,
    method: run.method.overrides,
    languages: run.languages.map(placed),
    replay: run.replay,
    data: run.data,
    training,
    ...(evaluation && {
      evaluation: { languages: evaluation.map(({ documents: _, ...language }) => placed(language)) },
    }),
    extension: run.extension,
    ...(run.cache !== undefined && { cache: run.cache }),
    backend: { name: 'auto', ...asked?.backend, ...(gpuMemoryBytes !== undefined && { gpuMemoryBytes }) },
    output: '.',
    resolved: {
      schema: 'moect-resolved/1',
      folder,
      base: run.baseIdentity,
      method: { name: run.method.name, config: run.method.config },
      combine: run.combine,
      ...found,
    },
  };
}

/** Writes the run's own record: the configuration as given and as resolved, and the held-out text. */
export async function writeRecord(folder: RunFolder, recorded: Recorded): Promise<void> {
  if (recorded.text !== undefined) await folder.write('config.yaml', recorded.text);
  const resolved = resolvedConfig(recorded, folder);
  await folder.write('resolved.json', `${JSON.stringify(resolved, null, 2)}\n`);
  for (const { code, heldOut } of recorded.texts) {
    if (heldOut.length === 0) continue;
    const lines = heldOut.map(({ id, text, language, messages }) => {
      const content = messages === undefined ? { text } : { messages };
      return `${JSON.stringify({ id, language, ...content })}\n`;
    });
    await folder.write(`held-out/${fileNameOf(code)}.jsonl`, lines.join(''));
  }
}
