import { BackendUnavailableError, type BaseModel } from '@moect/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Base } from '../base/base.ts';
import { openBase } from '../base/open-base.ts';
import { evaluate } from '../evaluation/evaluate.ts';
import { makeTinyBase } from '../testing/make-tiny-base.ts';
import { runHere } from '../testing/run-cli.ts';
import { makeTinyWorld, type TinyWorld } from '../testing/tiny-world.ts';
import { planScoring } from './plan-scoring.ts';

let world: TinyWorld;
let base: Base;
beforeAll(async () => {
  world = await makeTinyWorld();
  await makeTinyBase(world.at('long'), 4, { max_position_embeddings: 1024 });
  base = await openBase(world.at('long'));
});
afterAll(async () => {
  base.dispose();
  await world.remove();
});

/** The base with room for passes of so many tokens only. */
function narrow(most: number): { readonly narrowed: Base; readonly passes: number[] } {
  const { model } = base;
  const passes: number[] = [];
  const loss: NonNullable<BaseModel['loss']> = (tokens, ...rest) => {
    passes.push(tokens.size);
    if (tokens.size > most) throw new BackendUnavailableError('moect-wasm', 'no room for it', 'Use less.');
    return model.loss!(tokens, ...rest);
  };
  return { narrowed: { ...base, model: { ...model, loss } }, passes };
}

const text = 'habari ya dunia '.repeat(200);

describe('the plan of scoring', { timeout: 60_000 }, () => {
  it('tries the largest pass once, and halves windows that do not fit, for every model alike', async () => {
    const { narrowed, passes } = narrow(300);
    const notes: string[] = [];
    const found = await evaluate(
      narrowed,
      { swh_Latn: [text, 'fupi'] },
      { onReady: (plan) => void notes.push(...plan.notes) },
    );
    // windows of 1,024, two of them and one, then 512 and 256 alone
    expect(passes.slice(0, 4)).toEqual([2048, 1024, 512, 256]);
    expect(notes).toEqual([
      expect.stringMatching(/^windows of 256 tokens, since 2,048 tokens do not fit: .*no room/),
    ]);
    expect(found.window).toBe(256);
    const same = await planScoring({
      base: base.model,
      tokenizer: base.tokenizer,
      extensions: [],
      documents: [{ id: 'a', language: 'swh_Latn', text }],
    });
    expect(same).toMatchObject({ window: 1024, documents: 1, tokens: text.length, notes: [] });
  });

  it('refuses before anything is scored where not even small windows fit, and says what to do', async () => {
    const { narrowed } = narrow(20);
    await expect(evaluate(narrowed, { swh_Latn: [text] })).rejects.toThrow(
      /no room for a pass of \d+ tokens[\s\S]*--base-storage/,
    );
  });

  it('is printed by --plan of eval and compare', async () => {
    const run = await runHere([
      ...['eval', '--base', world.at('long'), '--text', world.at('swh_Latn.txt'), '--plan'],
    ]);
    expect(run.code, run.stderr).toBe(0);
    expect(run.stdout).toMatch(/^text +120 documents, [\d,]+ tokens, windows of at most 1,024\n/);
    expect(run.stdout).toMatch(/wasm heap +\d.*in use at the peak\nfits\n$/);
  });
});
