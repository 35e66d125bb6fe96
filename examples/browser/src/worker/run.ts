import type { Callback, Document } from '@moect/core';
import { collectDocuments, readDocuments } from '@moect/data';
import { zipSync } from 'fflate';
import {
  type Base,
  evaluate,
  generate,
  openBase,
  type RunInfo,
  type TrainedPack,
  type TrainingPlan,
  train,
} from 'moect/browser';
import type { PlanEvent, RunEvent, Score, TrainRequest } from '../messages.ts';
import { megabytes } from '../page/format.ts';
import { checkText, toJsonLines, upTo } from './text.ts';

/** Share of the new text that is kept for measuring. */
const HELD_OUT = 0.1;
/** Most bytes of held-out text that are scored. */
const HELD_OUT_BYTES = 32_768;
const KNOWN_BYTES = 6144;
const NEW_TOKENS = 48;

/** A base, the pack beside it, and text to measure both on. */
export interface Session {
  readonly base: Base;
  /** null until the pack is trained. */
  readonly pack: TrainedPack | null;
  /** Documents of the new language. */
  readonly heldOut: readonly Document[];
  /** Documents of a language that the base knows. */
  readonly known: readonly Document[];
}

type Ready = RunInfo & { readonly plan: TrainingPlan };

/** Text of a language that the base knows, to measure forgetting. Never trained on. */
async function readKnown(texts: RunInfo['texts']): Promise<Document[]> {
  const old = texts.find(({ role }) => role === 'old');
  if (old !== undefined) return upTo(KNOWN_BYTES, old.heldOut);
  const response = await fetch(new URL('known/eng_Latn.jsonl', location.href));
  const options = { source: 'known', language: 'eng_Latn', format: 'jsonl' } as const;
  return upTo(KNOWN_BYTES, await collectDocuments(readDocuments(response.body!, options)));
}

/** First words of the first document, to be continued. */
function promptOf(documents: readonly Document[]): string {
  return documents[0]?.text.split(/\s+/).slice(0, 4).join(' ') ?? '';
}

function planEvent(
  { run, plan, texts, languages, ...sizes }: Ready,
  heldOut: readonly Document[],
): PlanEvent {
  const { heap, gpu } = plan.memory;
  return {
    kind: 'plan',
    preset: run.preset,
    documents: texts[0]!.train.length,
    heldOutDocuments: heldOut.length,
    tokens: languages[0]!.tokens,
    steps: run.training.steps,
    batchSize: run.training.batchSize,
    sequenceLength: run.data.sequenceLength,
    trainableParameters: sizes.trainableParameters,
    baseParameters: sizes.baseParameters,
    memoryBytes: (heap ?? gpu)?.usedBytes ?? plan.memory.leastBytes,
    prompt: promptOf(heldOut),
  };
}

/** Bits per byte of held-out text, under the base or under base and pack. */
async function measure({ base, pack, heldOut, known }: Session): Promise<Score[]> {
  const texts = [heldOut, known].filter((documents) => documents.length > 0);
  const byCode = Object.fromEntries(texts.map((documents) => [documents[0]!.language, documents]));
  const { languages } = await evaluate(base, byCode, pack === null ? {} : { packs: [pack] });
  return languages.map(({ language, bitsPerByte }) => {
    return { language, role: language === heldOut[0]?.language ? 'new' : 'old', bitsPerByte };
  });
}

/** Continues a prompt with the base, or with base and pack; returns the whole text at the end. */
export async function continueText(
  { base, pack }: Pick<Session, 'base' | 'pack'>,
  prompt: string,
  onText: (text: string) => void,
): Promise<string> {
  const options = { prompt, maxNewTokens: NEW_TOKENS, temperature: 0.7, topP: 0.9, seed: 1 };
  let text = '';
  for await (const piece of generate(base, pack === null ? options : { ...options, packs: [pack] })) {
    onText(piece);
    text += piece;
  }
  return text;
}

/** Measures the base and continues the prompt with it, before the first step. */
async function before(base: Base, info: Ready, tell: (event: RunEvent) => void): Promise<Session> {
  const heldOut = upTo(HELD_OUT_BYTES, info.texts[0]!.heldOut);
  const session = { base, pack: null, heldOut, known: await readKnown(info.texts) };
  const plan = planEvent(info, heldOut);
  tell(plan);
  tell({ kind: 'status', text: 'Measuring the model as it is' });
  tell({ kind: 'scores', when: 'before', scores: await measure(session) });
  tell({ kind: 'status', text: 'Writing as it is' });
  await continueText(session, plan.prompt, (text) => tell({ kind: 'text', pack: false, text }));
  tell({ kind: 'status', text: 'Training' });
  return session;
}

/** Opens the base, trains, and measures before and after. Throws MoectError, also if the run does not fit. */
export async function trainAndMeasure(
  request: TrainRequest,
  callbacks: readonly Callback[],
  tell: (event: RunEvent) => void,
): Promise<Session & { readonly pack: TrainedPack }> {
  const { language, text, oldText, epochs, steps, batchSize, sequenceLength, gpuMemoryBytes } = request;
  await checkText(text, language);
  if (oldText !== null) await checkText(oldText.text, oldText.language);
  tell({ kind: 'status', text: 'Loading the model' });
  const base = await openBase(request.model ?? new URL('base/', location.href), {
    backend: request.backend,
    onProgress: (loaded) => tell({ kind: 'status', text: `Loading the model: ${megabytes(loaded)}` }),
  });
  tell({ kind: 'backend', name: base.backend.name, detail: base.backend.detail });
  tell({ kind: 'status', text: 'Cutting the text into tokens, predicting the memory' });
  let session: Session | null = null;
  const pack = await train(base, {
    languages: { [language]: { files: [text] } },
    ...(oldText && { replay: { [oldText.language]: { files: [oldText.text] } } }),
    data: { heldOut: HELD_OUT, ...(sequenceLength !== null && { sequenceLength }) },
    training: { ...(steps === null ? { epochs } : { steps }), ...(batchSize !== null && { batchSize }) },
    ...(gpuMemoryBytes !== null && { gpuMemoryBytes: Math.round(gpuMemoryBytes) }),
    callbacks,
    onReady: async (info) => {
      session = await before(base, info, tell);
    },
  });
  const { heldOut, known } = session! as Session;
  const after = { base, pack, heldOut, known };
  tell({ kind: 'status', text: 'Measuring what was learned' });
  tell({ kind: 'scores', when: 'after', scores: await measure(after) });
  tell({ kind: 'status', text: 'Writing with the pack' });
  await continueText(after, promptOf(heldOut), (piece) => tell({ kind: 'text', pack: true, text: piece }));
  return after;
}

/**
 * A zip file laid out as the folder of `moect train`: the pack in `extension/`, the held-out text in
 * `held-out/`.
 */
export async function zipPack(
  pack: TrainedPack,
  heldOut: readonly Document[],
): Promise<Uint8Array<ArrayBuffer>> {
  const language = pack.info.languages.find(({ role }) => role === 'new')!.code;
  const files: Record<string, Uint8Array> = {};
  for (const [name, pieces] of await pack.files()) {
    files[`extension/${name}`] = new Uint8Array(await new Blob([...pieces] as BlobPart[]).arrayBuffer());
  }
  files[`held-out/${language}.jsonl`] = new TextEncoder().encode(toJsonLines(heldOut));
  // fixed time: the same pack gives the same bytes; level 0: weights hardly get smaller
  return zipSync(files, { level: 0, mtime: '2000-01-01T00:00:00' }) as Uint8Array<ArrayBuffer>;
}
