import { SMOLLM2_GENERATION, smollm2 } from '../cases/smollm2.ts';
import { peerModule } from './peers.ts';
import { type Contender, serve } from './serve.ts';

/** What this contender uses of node-llama-cpp. */
interface LlamaCpp {
  getLlama(options: object): Promise<{
    loadModel(options: { modelPath: string }): Promise<{
      tokenize(text: string): number[];
      createContext(options: object): Promise<{
        getSequence(): {
          evaluate(tokens: number[], options: object): AsyncIterable<number>;
          dispose(): void;
        };
      }>;
    }>;
  }>;
}

/** llama.cpp itself, in its ready-made build for this machine, on the processor. */
async function create(): Promise<Contender> {
  const modelPath = smollm2('q4_1');
  const threads = Number(process.env['BENCH_THREADS'] ?? 1);
  const { getLlama } = (await import(peerModule('node-llama-cpp', 'dist/index.js'))) as LlamaCpp;
  const llama = await getLlama({ gpu: false, build: 'never', logLevel: 'error', maxThreads: threads });
  const model = await llama.loadModel({ modelPath });
  const { prompt, newTokens } = SMOLLM2_GENERATION;
  const context = await model.createContext({ contextSize: 1024, threads });
  return {
    async step() {
      const sequence = context.getSequence();
      let [count, total] = [0, 0];
      for await (const id of sequence.evaluate(model.tokenize(prompt), {
        temperature: 0,
        yieldEogToken: true,
      })) {
        total += id;
        count += 1;
        if (count === newTokens) break;
      }
      sequence.dispose();
      return total;
    },
  };
}

serve(create);
