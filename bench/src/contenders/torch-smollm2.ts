import { writeFileSync } from 'node:fs';
import path from 'node:path';
import {
  SMOLLM2_GENERATION,
  SMOLLM2_SEQUENCE,
  SMOLLM2_STEP_TOKENS,
  scoredDocuments,
  smollm2,
  trainingText,
} from '../cases/smollm2.ts';
import { temporaryFolder } from '../cases/temporary-cache.ts';
import { findPython, refuse, servePython } from './python.ts';

/** The contenders transformers, PyTorch and PEFT on SmolLM2's folder. */
async function start(): Promise<void> {
  const { BENCH_WORK: work = 'generate', BENCH_THREADS: threads = '1' } = process.env;
  const base = smollm2('bf16');
  const python = findPython('torch', 'transformers', ...(work === 'lora' ? ['peft'] : []));
  const folder = temporaryFolder();
  const settings = {
    base,
    work,
    ...SMOLLM2_GENERATION,
    sequence: SMOLLM2_SEQUENCE,
    stepTokens: SMOLLM2_STEP_TOKENS,
    text: trainingText(),
    documents: scoredDocuments(),
  };
  writeFileSync(path.join(folder, 'work.json'), JSON.stringify(settings));
  await servePython(python, 'smollm2.py', [folder, threads], threads);
}

start().catch(refuse);
