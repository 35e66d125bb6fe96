import type { Document, Extension } from '@moect/core';
import { collectDocuments, readDocuments, sha256Hex } from '@moect/data';
import { createRng } from '@moect/tensor';
import type { TrainOptions } from '@moect/trainer';
import {
  createMethod,
  fetchBase,
  gibibytes,
  type LanguageText,
  type LoadedBase,
  learningRateFor,
  mixText,
  type Preset,
  packText,
  planBatches,
  presets,
  resolvePacking,
  splitLanguage,
  trainingSettings,
  trainOptions,
} from 'moect/browser';
import type { PlanEvent, RunEvent, TrainRequest } from '../messages.ts';
import { predictMemory } from './predict-memory.ts';
import { readText, upTo } from './read-text.ts';
import type { Session } from './session.ts';

/** Share of the new text that is kept for measuring. */
const HELD_OUT = 0.1;
/** Most bytes of it that are scored. */
const HELD_OUT_BYTES = 32_768;
const KNOWN_BYTES = 6144;

export interface OpenSession {
  readonly session: Session;
  readonly options: TrainOptions;
  readonly plan: PlanEvent;
}

async function readLanguages({ language, text, oldText }: TrainRequest): Promise<LanguageText[]> {
  const texts = [splitLanguage({ code: language, role: 'new' }, await readText(text, language), HELD_OUT)];
  if (oldText !== null) {
    const documents = await readText(oldText.text, oldText.language);
    texts.push(splitLanguage({ code: oldText.language, role: 'old' }, documents, HELD_OUT));
  }
  return texts;
}

/** Text of a language that the base knows: what may not be forgotten. Never trained on. */
async function readKnown(texts: readonly LanguageText[]): Promise<Document[]> {
  const old = texts.find(({ role }) => role === 'old');
  if (old !== undefined) return upTo(KNOWN_BYTES, old.heldOut);
  const response = await fetch(new URL('known/eng_Latn.jsonl', location.href));
  const options = { source: 'known', language: 'eng_Latn', format: 'jsonl' } as const;
  return upTo(KNOWN_BYTES, await collectDocuments(readDocuments(response.body!, options)));
}

/** Its first words: something to continue. */
function promptOf(documents: readonly Document[]): string {
  return documents[0]?.text.split(/\s+/).slice(0, 4).join(' ') ?? '';
}

interface Prepared {
  readonly options: TrainOptions;
  readonly trained: Session['trained'];
  readonly extension: Extension;
}

/** What `moect train` does with the same text and settings. */
async function prepare(
  request: TrainRequest,
  base: LoadedBase,
  preset: Preset,
  texts: readonly LanguageText[],
): Promise<Prepared> {
  const { steps, epochs, batchSize, sequenceLength } = request;
  const length = steps === null ? { epochs } : { steps };
  const given = trainingSettings({ ...length, ...(batchSize !== null && { batchSize }) }, preset);
  const packing = resolvePacking({ data: { sequenceLength, endOfDocument: null } }, base);
  const packed = await packText(base, texts, packing, preset.training.replayShare > 0);
  const amount = { sequenceLength: packing.sequenceLength, newSequences: packed.newSequences };
  const batches = planBatches({ training: given, replay: { share: null } }, amount, preset);
  const languages = packed.summaries.map(({ code, role }) => ({ code, role, weight: null }));
  const tokenizer = await (await fetch(new URL('base/tokenizer.json', location.href))).text();
  const data = mixText({ languages, training: given }, packed, batches, sha256Hex(tokenizer));
  const extension = createMethod(preset.method).attach(
    base.model,
    preset.config,
    createRng(given.seed).fork('extension'),
  );
  const training = {
    ...given,
    steps: batches.steps,
    batchSize: batches.batchSize,
    learningRate: learningRateFor(preset.training.learningRate, base.parameterCount),
    checkpointEvery: batches.steps,
  };
  const options = trainOptions(
    { training, baseIdentity: base.identity },
    { base: base.model, extension, data },
  );
  const run = { training, replay: { share: batches.replayShare }, data: packing };
  return { options, trained: { run, languages: packed.summaries, data }, extension };
}

/** Loads base and text and makes everything ready, without a step. Throws MoectError: also for a run that does not fit. */
export async function openSession(
  request: TrainRequest,
  tell: (event: RunEvent) => void,
): Promise<OpenSession> {
  const texts = await readLanguages(request);
  tell({ kind: 'status', text: 'Loading the model' });
  const base = await fetchBase(new URL('base/', location.href), {
    onProgress: (loaded) => tell({ kind: 'status', text: `Loading the model: ${gibibytes(loaded)}` }),
  });
  const name = request.oldText === null ? 'moe-ct-mixture' : 'moe-ct';
  const preset = presets.find((one) => one.name === name)!;
  tell({ kind: 'status', text: 'Cutting the text into tokens' });
  const { options, trained, extension } = await prepare(request, base, preset, texts);
  tell({ kind: 'status', text: 'Predicting the memory' });
  const { training, data } = trained.run;
  const sizes = [...extension.parameters.values()].map(({ size }) => size);
  const size = {
    batchSize: training.batchSize,
    sequenceLength: data.sequenceLength,
    baseParameters: base.parameterCount,
    trainableParameters: sizes.reduce((a, b) => a + b, 0),
  };
  const memoryBytes = await predictMemory(options, size, request.gpuMemoryBytes);
  const heldOut = upTo(HELD_OUT_BYTES, texts[0]!.heldOut);
  const session = { base, extension, preset, trained, heldOut, known: await readKnown(texts) };
  const plan: PlanEvent = {
    kind: 'plan',
    preset: preset.name,
    documents: texts[0]!.train.length,
    heldOutDocuments: heldOut.length,
    tokens: trained.languages[0]!.tokens,
    steps: options.totalSteps,
    ...size,
    memoryBytes,
    prompt: promptOf(heldOut),
  };
  return { session, options, plan };
}
