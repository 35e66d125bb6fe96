import {
  BaseMismatchError,
  type Extension,
  InvalidConfigError,
  NoSuchComponentError,
  type ParamPath,
  type Tensor,
} from '@moect/core';
import { documentFrame } from '@moect/data';
import { fromDiskTensors, loadParameters, type NgramTable } from '@moect/experts';
import { createRng, dispose, tensor } from '@moect/tensor';
import type { Base } from '../base/base.ts';
import { checkBase } from '../front-door-checks.ts';
import { missingParts } from '../parts/own-parts.ts';
import type { PackSource } from '../platform/platform.ts';
import { type ExtensionConfigFile, parseExtensionConfig } from './extension-config.ts';
import { isOfNgrams, readNgrams } from './ngram-tensors.ts';
import { makePack, type Pack } from './pack.ts';

interface Weights {
  readonly tensors: Map<ParamPath, Tensor>;
  readonly ngrams: NgramTable | null;
}

async function readWeights(source: PackSource, vocabSize: number): Promise<Weights> {
  const file = await source.openWeights();
  const tensors = new Map<ParamPath, Tensor>();
  try {
    const ngrams = await readNgrams(file, vocabSize, source.place);
    for (const name of file.entries.keys()) {
      if (isOfNgrams(name)) continue;
      const { data, shape } = await file.tensor(name);
      tensors.set(name, tensor(data, shape));
    }
    return { tensors, ngrams };
  } catch (error) {
    dispose(tensors);
    throw error;
  } finally {
    await file.close();
  }
}

function attach({ model, moect }: Base, info: ExtensionConfigFile, place: string): Extension {
  try {
    return moect.method(info.method).attach(model, info.config, createRng(0));
  } catch (error) {
    if (!(error instanceof InvalidConfigError)) throw error;
    throw new InvalidConfigError(place, error.problems, error.hint);
  }
}

/** A pack that names parts of its own needs them. */
function checkParts({ moect }: Base, info: ExtensionConfigFile, place: string): void {
  const [first, ...more] = missingParts(moect, info.parts ?? []);
  if (first === undefined) return;
  const from = first.from === null ? '' : ` of ${first.from}`;
  const others = more.map(({ kind, name }) => `, ${kind} '${name}'`).join('');
  throw new NoSuchComponentError(
    first.kind,
    first.name,
    moect.ownParts.filter(({ kind }) => kind === first.kind).map(({ name }) => name),
    `${place} was made with the ${first.kind} '${first.name}'${from}${others}: give that module with --parts, ` +
      'or in a program openBase(…, { moect: createMoect(parts) }).',
  );
}

/** The base's tokenizer files must put in front of a text what they did in training. */
function checkTokens({ tokenizer }: Base, { tokens }: ExtensionConfigFile, place: string): void {
  if (tokens === undefined) return;
  const { prefixIds } = documentFrame(tokenizer, tokens.prefixToken);
  if (prefixIds.join() === tokens.prefixIds.join()) return;
  const message = `was trained on documents after ${tokens.prefixIds}; the base's tokenizer puts ${prefixIds} there`;
  throw new InvalidConfigError(
    place,
    [{ path: 'tokens.prefixIds', message }],
    'Take tokenizer.json and tokenizer_config.json of the revision that it was trained with.',
  );
}

/**
 * Opens a pack for its base. Every tensor of the folder must be used and every parameter found.
 * @param place a folder, or the address of one (http, https); in a browser an address
 * Throws BaseMismatchError, CorruptDataError, NoMatchingParameterError, ShapeMismatchError, NoSuchComponentError (a
 * method or part that the base's `moect` does not know) and InvalidConfigError.
 */
export async function openPack(base: Base, place: string | URL): Promise<Pack> {
  checkBase('openPack', base);
  const source = await base.platform.readPack(place);
  const saved = parseExtensionConfig(source.config, source.place);
  if (!(await base.isIdentifiedBy(saved.base.sha256))) {
    throw new BaseMismatchError(saved.base.id, saved.base.sha256, base.identity.sha256);
  }
  // an older pack knows its base by the digest of before
  const info = { ...saved, base: { ...saved.base, sha256: base.identity.sha256 } };
  checkParts(base, info, source.place);
  checkTokens(base, info, source.place);
  const extension = attach(base, info, source.place);
  try {
    const ngrams = await fill(extension, source, base.model.vocabSize);
    return makePack(base, source.name, { extension, ngrams }, info);
  } catch (error) {
    extension.dispose();
    throw error;
  }
}

/** Gives the weights to an extension; returns what else the file holds. */
async function fill(extension: Extension, source: PackSource, vocabSize: number): Promise<NgramTable | null> {
  const { tensors, ngrams } = await readWeights(source, vocabSize);
  try {
    const stacked = fromDiskTensors(tensors);
    try {
      loadParameters(extension, stacked);
    } finally {
      dispose(stacked);
    }
  } finally {
    dispose(tensors);
  }
  return ngrams;
}
