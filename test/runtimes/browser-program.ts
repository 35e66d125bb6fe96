// Bundled for the browser: as a module it exports `trainSome`, as a worker it answers one message.
import { type TrainSomeOptions, trainSome } from './train-some.ts';

const isWorker = (globalThis as { document?: unknown }).document === undefined;

if (isWorker) {
  globalThis.onmessage = async ({ data }: { data: TrainSomeOptions }) => {
    try {
      globalThis.postMessage({ result: await trainSome(data) });
    } catch (error) {
      globalThis.postMessage({ error: String(error) });
    }
  };
}

export { trainSome };
