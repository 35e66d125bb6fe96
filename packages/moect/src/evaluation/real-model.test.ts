import type { ChatMessage } from '@moect/core';
import { generate as generateIds } from '@moect/models';
import { fixtureJson } from 'moect-test-support/fixtures';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Base } from '../base/base.ts';
import { openBase } from '../base/open-base.ts';
import { promptTokens } from './prompt-tokens.ts';

/** SmolLM2-135M-Instruct as a Hugging Face folder in bf16; the model is not in the repository. */
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

    it.each(rows.map((row, i) => [i, JSON.stringify(row.prompt ?? row.messages), row] as const))(
      '%d: %s',
      async (_, name, row) => {
        const { ids, stopIds } = promptTokens(base, row, 'tokenizer');
        expect(ids).toEqual(row.ids);
        const { tokens } = await generateIds(base.model, ids, { maxNewTokens: row.new.length, stopIds });
        const at = row.new.findIndex((id, i) => id !== tokens[i]);
        if (at < 0) return;
        const margin = row.margins[at]!;
        console.log(`${name}: token ${at} is a tie, ${margin} apart`);
        expect(margin, `token ${at}: ${tokens[at]} in place of ${row.new[at]}`).toBeLessThan(TIE);
      },
    );
  },
);
