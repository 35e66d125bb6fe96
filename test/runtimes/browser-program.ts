// Bundled for the browser: as a module it exports its programs, as a worker it runs the one that a message names.
import { trainOnBackend } from './train-on-backend.ts';
import { trainSome } from './train-some.ts';

const programs = { trainSome, trainOnBackend };

const isWorker = (globalThis as { document?: unknown }).document === undefined;

interface Message {
  readonly program: keyof typeof programs;
  readonly options: never;
}

if (isWorker) {
  globalThis.onmessage = async ({ data }: { data: Message }) => {
    try {
      globalThis.postMessage({ result: await programs[data.program](data.options) });
    } catch (error) {
      globalThis.postMessage({ error: String(error) });
    }
  };
}

export { trainSome };
