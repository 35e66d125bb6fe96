import { join, resolve } from 'node:path';
import { describeReading } from '@moect/data';
import { progressBar } from '@moect/trainer';
import { type OpenRun, openRun } from '../../config/open-run.ts';
import { grouped, signedPercent } from '../../numbers.ts';
import { formatPlan } from '../../planning/format.ts';
import { planRun } from '../../planning/plan-run.ts';
import { checkRunFolder } from '../../platform/check-output.ts';
import { busyNote, type CoreUse, watchCores } from '../../platform/watch-cores.ts';
import type { RunInfo } from '../../training/prepare-run.ts';
import { runTraining, type TrainedPack } from '../../training/run.ts';
import { withinBudget } from '../../training/within-budget.ts';
import { EXIT } from '../exit-codes.ts';
import { fetchProgress } from '../fetch-progress.ts';
import { type Interruption, interruptible } from '../interruption.ts';
import { type Io, noteLines, table } from '../io.ts';
import { scoringProgress } from '../scoring-progress.ts';
import { sourceOf, type TrainCommandOptions, withConfigFile } from '../train-source.ts';

function printInfo(
  { run, backend, languages, trainableParameters, rememberedNumbers, baseParameters, notes, frame }: RunInfo,
  output: string,
  io: Io,
): void {
  const { training, data, replay } = run;
  const share = Math.round((100 * trainableParameters) / baseParameters);
  const lines = [
    `backend: ${backend.detail}`,
    `base: ${run.baseIdentity.id}, ${grouped(baseParameters)} parameters, frozen`,
    `method: ${run.preset}, ${grouped(trainableParameters)} trainable parameters (${share} % of the base)` +
      (rememberedNumbers === 0 ? '' : `, n-grams of the new text in ${grouped(rememberedNumbers)} numbers`),
    ...languages.map(
      (l) =>
        `${l.role}: ${l.code}, ${grouped(l.documents)} documents, ${grouped(l.tokens)} tokens, ` +
        `${l.bytesPerToken.toFixed(2)} bytes a token, ${grouped(l.heldOutDocuments)} documents held out`,
    ),
    `texts: ${frame}`,
    `training: ${grouped(training.steps)} steps of ${training.batchSize * training.accumulation} × ` +
      `${data.sequenceLength} tokens, ${Math.round(100 * replay.share)} % replay, ` +
      `learning rate ${training.learningRate} (${training.schedule}), into ${output}`,
  ];
  io.err(`${noteLines(notes)}${lines.join('\n')}\n`);
}

function heldOutFiles({ input, output }: OpenRun): string {
  if (input.evaluation === undefined) return `${join(output, 'held-out')}/*.jsonl`;
  return input.evaluation.flatMap(({ code, files = [] }) => files.map((file) => `${code}=${file}`)).join(' ');
}

function printOutcome(open: OpenRun, pack: TrainedPack, io: Io): void {
  const { training, heldOut, folder, result, warnings } = pack;
  if (result.keptStep !== result.step) {
    io.err(
      `kept: the weights after step ${result.keptStep} of ${result.step}, whose held-out numbers were the best ` +
        '(training.keep: last keeps the last)\n',
    );
  }
  if (heldOut !== null) {
    const rows = heldOut.map(({ code, role, before, after }) => {
      return [code, role, before.toFixed(4), after.toFixed(4), signedPercent(after / before - 1)];
    });
    const { combine } = training.run;
    io.out(table([['bits per byte, held-out', 'role', 'base', combine, 'change'], ...rows]));
  }
  if (warnings.length > 0) io.err('The extension is complete; compare, as below, makes the evaluation.\n');
  io.out(`extension: ${folder}\n`);
  const texts = heldOut === null ? 'CODE=FILE' : heldOutFiles(open);
  const parts = open.parts.map((file) => ` --parts ${file}`).join('');
  const models = `--base ${open.base.place} --extension ${folder}${parts}`;
  io.err(`next: moect compare ${models} --text ${texts}\n      moect generate ${models} --prompt "…"\n`);
}

function outcomeJson(
  { output }: OpenRun,
  { result, heldOut, folder, training, warnings }: TrainedPack,
): string {
  const { reason, step, tokensSeen, checkpoint } = result;
  const { trainableParameters } = training;
  const json = {
    reason,
    step,
    tokensSeen,
    trainableParameters,
    output,
    extensionFolder: folder,
    checkpoint,
    heldOut,
    warnings,
  };
  return `${JSON.stringify(json, null, 2)}\n`;
}

/** Runs `moect train --plan`: an impossible plan gives the exit code of a wrong configuration. */
async function planCommand(open: OpenRun, json: boolean, io: Io): Promise<number> {
  const { base, output } = open;
  const input = await withinBudget(base, open.input, null);
  const { notes = [], reading = [] } = input;
  io.err(noteLines([...notes, ...reading.flatMap(describeReading)]));
  const plan = await planRun(base, input, { output });
  io.out(json ? `${JSON.stringify(plan, null, 2)}\n` : formatPlan(plan));
  return plan.problems.length === 0 ? EXIT.ok : EXIT.badData;
}

async function runCommand(
  open: OpenRun,
  options: TrainCommandOptions,
  { io, interruption, coreUse }: Surroundings,
): Promise<number> {
  const { base, input, output, asked } = open;
  const progress = scoringProgress(io.progress);
  try {
    const hooks = {
      output,
      resume: options.resume === true,
      signal: interruption.signal,
      callbacks: [progressBar({ stream: io.progress }), interruption.callback],
      onEvaluating: (what: string, share: number) => progress.update(`held-out text under ${what}`, share),
      onReady(info: RunInfo) {
        const busy = info.backend.name === 'wasm' ? busyNote(coreUse(), info.backend.threads) : null;
        printInfo({ ...info, notes: [...info.notes, ...(busy === null ? [] : [busy])] }, output, io);
      },
      onWarning(message: string) {
        progress.end();
        io.err(`warning: ${message}\n`);
      },
    };
    const pack = await runTraining(base, input, hooks, asked);
    progress.end();
    pack.dispose();
    if (options.json === true) io.out(outcomeJson(open, pack));
    if (pack.result.reason === 'interrupted') {
      io.err(`Interrupted after step ${pack.result.step}, state saved.\n`);
      if (pack.folder !== null) io.err(`The extension is complete: ${pack.folder}\n`);
      io.err(`next: moect train --output ${output} --resume\n`);
      return EXIT.interrupted;
    }
    if (options.json !== true) printOutcome(open, pack, io);
    return EXIT.ok;
  } finally {
    progress.end();
  }
}

interface Surroundings {
  readonly io: Io;
  readonly interruption: Interruption;
  readonly coreUse: () => CoreUse;
}

/** Runs `moect train`; gives the exit code. */
export async function trainCommand(
  argument: string | undefined,
  given: TrainCommandOptions,
  io: Io,
): Promise<number> {
  const coreUse = watchCores();
  const { file, options } = withConfigFile(argument, given);
  const source = await sourceOf(file, options);
  // before the base is loaded, which takes long for a large one
  await checkRunFolder(resolve(source.folder, source.config.output));
  const interruption = interruptible(io);
  try {
    const open = await openRun(source, { onProgress: fetchProgress(io, source.config.base) });
    try {
      if (options.plan === true) return await planCommand(open, options.json === true, io);
      return await runCommand(open, options, { io, interruption, coreUse });
    } finally {
      open.base.dispose();
    }
  } finally {
    interruption.dispose();
  }
}
