import type { ChatMessage } from '@moect/core';
import { generateBatch } from '@moect/models';
import { fixtureJson } from 'moect-test-support/fixtures';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Base } from '../base/base.ts';
import { openBase } from '../base/open-base.ts';
import { promptTokens } from './prompt-tokens.ts';

/**
 * SmolLM2-135M-Instruct from `npm run get:smollm2 -- --folder`, which is not in the repository: as GGUF, computed from its
 * blocks of 4 bits, and as a Hugging Face folder in bf16. transformers computes both in float32.
 */
const MODELS = [
  { kind: 'GGUF', variable: 'MOECT_SMOLLM2_GGUF', golden: 'smollm2/greedy-gguf.json' },
  { kind: 'a folder', variable: 'MOECT_SMOLLM2', golden: 'smollm2/greedy.json' },
] as const;

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

describe.each(MODELS)('SmolLM2-135M-Instruct of $kind, as transformers', ({ kind, variable, golden }) => {
  const place = process.env[variable];
  if (place === undefined) console.warn(`SmolLM2 of ${kind} is not tested: ${variable} names none.`);

  describe.skipIf(place === undefined)('greedy text', { timeout: 1_200_000 }, () => {
    const { rows } = fixtureJson<{ readonly rows: readonly Row[] }>(golden);
    let base: Base;
    beforeAll(async () => {
      base = await openBase(place!, { backend: 'wasm' });
    }, 300_000);
    afterAll(() => base?.dispose());

    it('has 20 prompts and 4 conversations', () => {
      expect(rows.filter(({ prompt }) => prompt !== undefined)).toHaveLength(20);
      expect(rows.filter(({ messages }) => messages !== undefined)).toHaveLength(4);
    });

    it('feeds the same tokens', () => {
      for (const row of rows) expect(promptTokens(base, row, 'tokenizer').ids).toEqual(row.ids);
    });

    it('goes on with the same tokens and text, ties excepted', async () => {
      const { stopIds } = promptTokens(base, rows[0]!, 'tokenizer');
      const prompts = rows.map(({ ids }) => ids);
      const made = await generateBatch(base.model, prompts, { maxNewTokens: 64, stopIds });
      const ties: string[] = [];
      for (const [i, row] of rows.entries()) {
        const { tokens } = made[i]!;
        const at = row.new.findIndex((id, j) => id !== tokens[j]);
        if (at < 0) {
          expect(tokens).toHaveLength(row.new.length);
          expect(base.tokenizer.decode(tokens)).toBe(row.text);
          continue;
        }
        const name = `${JSON.stringify(row.prompt ?? row.messages)}, token ${at}: ${tokens[at]} in place of ${row.new[at]}`;
        expect(row.margins[at]!, name).toBeLessThan(TIE);
        ties.push(`${name}, ${row.margins[at]} apart`);
      }
      console.log(`ties: ${ties.length === 0 ? 'none' : ties.join('; ')}`);
    });
  });
});
