import type { PlanEvent, RunEvent, Score, StepEvent, TrainRequest } from '../messages.ts';
import { button, element, input, setText } from './elements.ts';
import { clock, count, megabytes } from './format.ts';
import { createLossCurve } from './loss-curve.ts';
import { type RunClient, startRun } from './run-client.ts';
import { showCommands, showFact, showScores, showText } from './show-results.ts';
import { prepareForm, readForm, setFormEnabled } from './text-form.ts';

const curve = createLossCurve();
let run: RunClient | null = null;
let before: readonly Score[] = [];
let prompt = '';
let language = '';
const texts = { base: '', pack: '' };
/** True while a trained pack is unsaved. */
let isUnsaved = false;

function showPlan(plan: PlanEvent): void {
  const { documents, heldOutDocuments, tokens, steps, batchSize, sequenceLength } = plan;
  showFact(
    'Text',
    `${count(documents)} passages, ${count(tokens)} tokens; ${heldOutDocuments} more for measuring`,
  );
  showFact('Steps', `${count(steps)} of ${batchSize} × ${sequenceLength} tokens`);
  showFact(
    'Trained',
    `${count(plan.trainableParameters)} parameters beside ${count(plan.baseParameters)} frozen ones (${plan.preset})`,
  );
  showFact('Memory', `${megabytes(plan.memoryBytes)}, predicted`);
  prompt = plan.prompt;
  input('prompt').value = prompt;
}

function showStep({ step, totalSteps, loss, tokensPerSecond, secondsLeft }: StepEvent): void {
  setText('step', `${step} / ${totalSteps}`);
  setText('loss', loss.toFixed(3));
  setText('speed', count(tokensPerSecond));
  setText('left', clock(secondsLeft));
  element<HTMLProgressElement>('progress').value = step / totalSteps;
  curve.add(loss, totalSteps);
  for (const id of ['pause', 'stop']) button(id).disabled = false;
  isUnsaved = true;
}

function showWritten(pack: boolean, text: string): void {
  const side = pack ? 'pack' : 'base';
  texts[side] += text;
  showText(`text-${side}`, prompt, texts[side]);
}

function showMeasured(when: 'before' | 'after', scores: readonly Score[]): void {
  if (when === 'before') before = scores;
  showScores(before, when === 'after' ? scores : []);
  element('result').hidden = false;
}

function onEvent(event: RunEvent): void {
  if (event.kind === 'status') setText('status', `${event.text} …`);
  else if (event.kind === 'backend') showFact('Computes on', `${event.detail}.`);
  else if (event.kind === 'plan') showPlan(event);
  else if (event.kind === 'scores') showMeasured(event.when, event.scores);
  else if (event.kind === 'step') showStep(event);
  else showWritten(event.pack, event.text);
}

function showError(error: unknown): void {
  setText('error', error instanceof Error ? error.message.trim() : String(error));
  element('error').hidden = false;
  setText('status', 'It did not work.');
}

function clear(): void {
  run?.end();
  curve.clear();
  element('error').hidden = true;
  element('result').hidden = true;
  element('facts').replaceChildren();
  element<HTMLProgressElement>('progress').value = 0;
  for (const id of ['step', 'loss', 'speed', 'left']) setText(id, '–');
  for (const id of ['text-base', 'text-pack']) setText(id, '');
  texts.base = '';
  texts.pack = '';
  setText('pause', 'Pause');
  for (const id of ['save', 'write']) button(id).disabled = true;
  isUnsaved = false;
}

async function train(request: TrainRequest): Promise<void> {
  clear();
  setFormEnabled(false);
  language = request.language;
  showCommands(language);
  // on a narrow screen the training section lies below the form
  element('training-title').scrollIntoView({ block: 'nearest' });
  run = startRun(onEvent);
  const { reason, steps } = await run.ask('train', request);
  setText(
    'status',
    reason === 'finished'
      ? `Trained, ${count(steps)} steps.`
      : `Stopped after ${count(steps)} steps; what was learned is kept.`,
  );
  setText('left', clock(0));
  for (const id of ['save', 'write']) button(id).disabled = false;
}

/** Runs a button's action; shows its error, and enables the form again. */
async function attempt(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    showError(error);
  } finally {
    setFormEnabled(true);
    for (const id of ['pause', 'stop']) button(id).disabled = true;
  }
}

async function pauseOrResume(): Promise<void> {
  const isPaused = button('pause').textContent === 'Go on';
  await run?.ask(isPaused ? 'resume' : 'pause', null);
  setText('pause', isPaused ? 'Pause' : 'Go on');
  setText('status', isPaused ? 'Training …' : 'Paused after this step.');
}

async function write(): Promise<void> {
  prompt = input('prompt').value;
  button('write').disabled = true;
  for (const side of ['base', 'pack'] as const) {
    texts[side] = '';
    showText(`text-${side}`, prompt, '');
    await run!.ask('generate', { prompt, pack: side === 'pack' });
  }
  button('write').disabled = false;
}

async function save(): Promise<void> {
  const zip = await run!.ask('save', null);
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([zip], { type: 'application/zip' }));
  link.download = `${language}.zip`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  isUnsaved = false;
}

function listen(): void {
  element('form').addEventListener('submit', (event) => {
    event.preventDefault();
    void attempt(async () => train(await readForm()));
  });
  element('generate').addEventListener('submit', (event) => {
    event.preventDefault();
    void attempt(write);
  });
  button('save').addEventListener('click', () => void attempt(save));
  button('pause').addEventListener('click', () => void pauseOrResume());
  button('stop').addEventListener('click', () => void run?.ask('stop', null));
  globalThis.addEventListener('beforeunload', (event) => {
    if (isUnsaved) event.preventDefault();
  });
}

listen();
void attempt(prepareForm);
