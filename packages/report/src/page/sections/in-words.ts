import type { Report } from '../../schema/report.ts';
import { listed, percent, percentChange, plural } from '../format.ts';
import { type Html, html } from '../html.ts';
import { nameOf } from '../languages.ts';
import type { MethodSummary } from '../summarize.ts';

/** A gain below this share of the base's bits per byte is none to speak of. */
const LITTLE = 0.01;

/** Forgetting beyond this is worth doing something about. */
const MUCH = 0.01;

interface Outcome {
  /** Mean relative change of the new languages; null if none was measured. */
  readonly learned: number | null;
  readonly forgot: MethodSummary['worstOld'];
}

function outcomeOf(report: Report, { scores, worstOld }: MethodSummary): Outcome {
  const changes = report.languages.flatMap(({ code, role }) => {
    const score = scores.get(code);
    return role === 'new' && score !== undefined ? [score.relativeChange] : [];
  });
  const learned = changes.length === 0 ? null : changes.reduce((a, b) => a + b, 0) / changes.length;
  return { learned, forgot: worstOld };
}

function learnedText(report: Report, { learned }: Outcome): string {
  const fresh = report.languages.filter(({ role }) => role === 'new');
  if (learned === null) return 'No text of a new language was measured, so what was learned is not known';
  const names = listed(fresh.map(({ code }) => nameOf(report, code)));
  if (learned > 0) return `It predicts ${names} worse than the base (${percentChange(learned)} bits)`;
  return `It needs ${percent(-learned, -learned < 0.1 ? 1 : 0)} fewer bits than the base for ${names}`;
}

function forgotText(report: Report, { forgot }: Outcome): string {
  if (forgot === null) return 'no old language was measured, so what was forgotten is not known';
  const name = nameOf(report, forgot.language);
  if (forgot.relativeChange <= 0)
    return `no old language got worse (at worst ${name}, ${percentChange(forgot.relativeChange)})`;
  return `the old language that suffered most is ${name}, with ${percentChange(forgot.relativeChange)} bits`;
}

/** The verdict of a bound on forgetting, where one was asked for. */
function boundText(report: Report, { runs }: MethodSummary): string | null {
  const judged = runs.flatMap(({ retention }) => (retention?.bound === undefined ? [] : [retention]));
  const [first] = judged;
  if (first === undefined) return null;
  const failing = [
    ...new Set(
      judged.flatMap(({ languages = [] }) =>
        languages.filter(({ kept }) => !kept).map(({ language }) => nameOf(report, language)),
      ),
    ),
  ];
  const kept = judged.every((retention) => retention.kept === true);
  const runsText = runs.length > 1 ? ` in ${plural(judged.length, 'run')}` : '';
  return kept
    ? `Kept within ${percentChange(first.bound!)}${runsText}: every old language is shown to lose less.`
    : `NOT kept within ${percentChange(first.bound!)}${runsText}: not shown for ${failing.length === 0 ? 'the old languages' : listed(failing)}.`;
}

function nextStep({ learned, forgot }: Outcome, method: MethodSummary): string {
  if (learned === null) return 'Next: compare again with held-out text of the new language.';
  if (forgot === null)
    return 'Next: compare again with text of languages that the base knows (--old names them).';
  if (forgot.relativeChange > MUCH) {
    const isMixture = method.runs.some(({ mixtureBound }) => mixtureBound !== undefined);
    return isMixture
      ? 'Next: give --combine known where the language of a text is known; old text then goes through the base alone.'
      : 'Next: try it with --combine mixture, which costs at most one bit a document, or train with more --replay text.';
  }
  if (learned > -LITTLE)
    return 'Next: train longer (--tokens), on more text, or at a higher training.learningRate.';
  return 'Next: read what it writes (moect generate), and measure on other kinds of text than it was trained on.';
}

/** What happened and what to do next, in sentences, method by method. */
export function inWords(report: Report, methods: readonly MethodSummary[]): Html | null {
  if (methods.length === 0) return null;
  return html`<ul class="words">${methods.map((method) => {
    const outcome = outcomeOf(report, method);
    const bound = boundText(report, method);
    return html`<li><strong>${method.label}</strong>: ${learnedText(report, outcome)}; ${forgotText(report, outcome)}.${bound && ` ${bound}`} ${nextStep(outcome, method)}</li>`;
  })}</ul>`;
}
