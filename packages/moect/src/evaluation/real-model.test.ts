import type { ChatMessage } from '@moect/core';
import { generateBatch } from '@moect/models';
import { fixtureJson } from 'moect-test-support/fixtures';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Base } from '../base/base.ts';
import { openBase } from '../base/open-base.ts';
import { promptTokens } from './prompt-tokens.ts';

/** SmolLM2-135M-Instruct as a Hugging Face folder in bf16, from `npm run get:smollm2 -- --folder`; it is not in the repository. */
const FOLDER = process.env['MOECT_SMOLLM2'];

/** Logits agree within 3e-4, so that two this close may change places. */
const TIE = 1e-3;

interface Row {
  readonly prompt?: string;
  readonly messages?: readonly ChatMessage[];
  readonly ids: readonly number[];
  readonly new: readonly number[];
  readonly margins: readonly number[];
  readonly text: string;
}

if (FOLDER === undefined) {
  console.warn('SmolLM2 is not tested: MOECT_SMOLLM2 names no folder of SmolLM2-135M-Instruct in bf16.');
}

describe.skipIf(FOLDER === undefined)(
  'SmolLM2-135M-Instruct, as transformers',
  { timeout: 1_200_000 },
  () => {
    const { rows } = fixtureJson<{ readonly rows: readonly Row[] }>('smollm2/greedy.json');
    let base: Base;
    beforeAll(async () => {
      base = await openBase(FOLDER!, { backend: 'wasm' });
    }, 300_000);
    afterAll(() => base?.dispose());

    it('has 20 prompts and 4 conversations', () => {
      expect(rows.filter(({ prompt }) => prompt !== undefined)).toHaveLength(20);
      expect(rows.filter(({ messages }) => messages !== undefined)).toHaveLength(4);
    });

    it('feeds the same tokens', () => {
      for (const row of rows) expect(promptTokens(base, row, 'tokenizer').ids).toEqual(row.ids);
    });

    it('goes on with the same tokens, ties excepted', async () => {
      const { stopIds } = promptTokens(base, rows[0]!, 'tokenizer');
      const prompts = rows.map(({ ids }) => ids);
      const made = await generateBatch(base.model, prompts, { maxNewTokens: 64, stopIds });
      const ties: string[] = [];
      for (const [i, row] of rows.entries()) {
        const { tokens } = made[i]!;
        const at = row.new.findIndex((id, j) => id !== tokens[j]);
        if (at < 0) continue;
        const name = `${JSON.stringify(row.prompt ?? row.messages)}, token ${at}: ${tokens[at]} in place of ${row.new[at]}`;
        expect(row.margins[at]!, name).toBeLessThan(TIE);
        ties.push(`${name}, ${row.margins[at]} apart`);
      }
      console.log(`ties: ${ties.length === 0 ? 'none' : ties.join('; ')}`);
    });
  },
);
