import type { Page } from 'playwright-core';

/** Runs a program of browser-program.ts, served as program.js, in a Worker of the page. */
export function runInWorker<Result>(page: Page, program: string, options: object): Promise<Result> {
  return page.evaluate(
    (message) =>
      new Promise<Result>((resolve, reject) => {
        const worker = new Worker('program.js', { type: 'module' });
        worker.onmessage = ({ data }) => {
          worker.terminate();
          if (data.error === undefined) resolve(data.result);
          else reject(new Error(data.error));
        };
        worker.onerror = ({ message }) => reject(new Error(message));
        worker.postMessage(message);
      }),
    { program, options },
  );
}
