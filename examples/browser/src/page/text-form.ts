import { canonicalLanguage } from '@moect/data';
import type { TrainRequest } from '../messages.ts';
import { button, element, input, numberIn, setText } from './elements.ts';
import { megabytes } from './format.ts';

/** samples.json, written by scripts/build.ts. */
interface Sample {
  readonly code: string;
  readonly name: string;
  readonly file: string;
  readonly source: string;
}

const OWN = 'own';
const CODE_IN_NAME = /^([a-z]{2,3}(?:[_-][A-Z][a-z]{3})?)\./;

let samples: readonly Sample[] = [];

function showChoice(): void {
  const { value } = element<HTMLSelectElement>('sample');
  const sample = samples.find(({ code }) => code === value);
  element('own').hidden = sample !== undefined;
  for (const id of ['file', 'language']) input(id).required = sample === undefined;
  setText('source', sample?.source ?? 'The text is read here and sent nowhere.');
}

/** Offers the samples and the user's own file. */
export async function prepareForm(): Promise<void> {
  samples = await (await fetch('samples/samples.json')).json();
  const options = [...samples.map(({ code, name }) => [code, `${name} (sample)`]), [OWN, 'My own text …']];
  const select = element<HTMLSelectElement>('sample');
  select.replaceChildren(...options.map(([value, text]) => new Option(text, value)));
  select.addEventListener('change', showChoice);
  input('file').addEventListener('change', () => {
    const code = CODE_IN_NAME.exec(input('file').files?.[0]?.name ?? '')?.[1];
    if (code !== undefined) input('language').value = code;
  });
  input('model').addEventListener('change', showModel);
  acceptDrops();
  showChoice();
}

/** The pack and its files are named after the canonical code; what is no code is refused by the training. */
function ownLanguage(): string {
  const { value } = input('language');
  const canonical = canonicalLanguage(value);
  return 'code' in canonical ? canonical.code : value;
}

/** A GGUF file that is dropped anywhere on the page becomes the model. */
function acceptDrops(): void {
  document.addEventListener('dragover', (event) => event.preventDefault());
  document.addEventListener('drop', (event) => {
    event.preventDefault();
    const file = [...(event.dataTransfer?.files ?? [])].find(({ name }) => /\.gguf$/i.test(name));
    if (file === undefined || input('model').disabled) return;
    const one = new DataTransfer();
    one.items.add(file);
    input('model').files = one.files;
    showModel();
  });
}

function showModel(): void {
  const file = input('model').files?.[0];
  const own = file && `${file.name}, ${megabytes(file.size)}, read here and sent nowhere.`;
  setText(
    'model-note',
    own ?? 'A GGUF file, chosen or dropped on this page. None: the small model of this page.',
  );
}

async function chosenText(): Promise<Pick<TrainRequest, 'language' | 'text'>> {
  const { value } = element<HTMLSelectElement>('sample');
  const sample = samples.find(({ code }) => code === value);
  if (sample === undefined) return { language: ownLanguage(), text: input('file').files![0]! };
  const response = await fetch(`samples/${sample.file}`);
  return { language: sample.code, text: new File([await response.blob()], sample.file) };
}

/** Values of the form. */
export async function readForm(): Promise<TrainRequest> {
  const old = input('old-file').files?.[0];
  const gibibytes = numberIn('gpu-memory');
  return {
    model: input('model').files?.[0] ?? null,
    ...(await chosenText()),
    oldText: old === undefined ? null : { language: 'eng_Latn', text: old },
    backend: element<HTMLSelectElement>('backend').value as TrainRequest['backend'],
    epochs: numberIn('epochs')!,
    steps: numberIn('steps'),
    batchSize: numberIn('batch'),
    sequenceLength: numberIn('length'),
    gpuMemoryBytes: gibibytes === null ? null : gibibytes * 2 ** 30,
  };
}

export function setFormEnabled(enabled: boolean): void {
  for (const field of element<HTMLFormElement>('form').elements)
    (field as HTMLInputElement).disabled = !enabled;
  button('start').textContent = enabled ? 'Start training' : 'Training …';
}
