import { cp, readFile, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Base } from '../base/base.ts';
import { openBase } from '../base/open-base.ts';
import { evaluate } from '../evaluation/evaluate.ts';
import { generate } from '../evaluation/generate.ts';
import { openPack } from '../extension/open-pack.ts';
import { runHere } from '../testing/run-cli.ts';
import { makeTinyWorld, type TinyWorld } from '../testing/tiny-world.ts';
import { train } from '../training/train.ts';

const TEMPLATE =
  "{% for m in messages %}{{ m.role[0] + ':' + m.content + eos_token }}{% endfor %}" +
  "{% if add_generation_prompt %}{{ 'a:' }}{% endif %}";

type Message = { readonly role: string; readonly content: string };

const talk = (i: number): Message[] => [
  { role: 'user', content: `swali ${i % 7}` },
  { role: 'assistant', content: `jibu ${i % 7} ni ${'ndio '.repeat(1 + (i % 3))}` },
  ...(i % 2 === 0
    ? [
        { role: 'user', content: 'na kisha' },
        { role: 'assistant', content: `basi ${i}` },
      ]
    : []),
];
const shareGpt = (messages: readonly Message[]): object => ({
  conversations: messages.map(({ role, content }) => ({
    from: role === 'user' ? 'human' : 'gpt',
    value: content,
  })),
});

let world: TinyWorld;
let base: Base;
beforeAll(async () => {
  world = await makeTinyWorld();
  // a base whose tokenizer puts nothing in front
  await cp(world.at('base'), world.at('silent'), { recursive: true });
  const { add_bos_token: _, ...config } = await json('base/tokenizer_config.json');
  await writeFile(world.at('silent/tokenizer_config.json'), JSON.stringify(config));
  await cp(world.at('silent'), world.at('chat'), { recursive: true });
  await writeFile(world.at('chat/chat_template.jinja'), TEMPLATE);
  const records = Array.from({ length: 80 }, (_, i) =>
    i % 4 === 0 ? shareGpt(talk(i)) : { messages: talk(i) },
  );
  await writeFile(world.at('talk.jsonl'), records.map((record) => `${JSON.stringify(record)}\n`).join(''));
  base = await openBase(world.at('chat'), { backend: 'wasm', threads: 1 });
});
afterAll(async () => {
  base.dispose();
  await world.remove();
});

const json = async (...names: string[]): Promise<Record<string, unknown>> =>
  JSON.parse(await readFile(world.at(...names), 'utf8'));

describe('conversations', { timeout: 300_000 }, () => {
  it('are trained, held out and compared in their answers', async () => {
    const { at } = world;
    const texts = ['--text', `swh_Latn=${at('talk.jsonl')}`];
    const run = await runHere([
      'train',
      '--base',
      at('chat'),
      ...texts,
      '--tokens',
      '4000',
      '--output',
      at('talks'),
    ]);
    expect(run).toMatchObject({ code: 0 });
    expect(run.stderr).toMatch(
      /texts: documents stand after EOS \(257\): the tokenizer puts nothing there; prompts stand alone; documents end with EOS \(257\)/,
    );
    const heldOut = (await readFile(at('talks/held-out/swh_Latn.jsonl'), 'utf8')).trim().split('\n');
    expect(JSON.parse(heldOut[0]!)).toMatchObject({ messages: expect.any(Array) });
    expect(JSON.parse(heldOut[0]!)).not.toHaveProperty('text');
    expect(await json('talks/resolved.json')).toMatchObject({ data: { prefixToken: 'tokenizer' } });
    expect(await json('talks/extension/moect_config.json')).toMatchObject({
      tokens: { prefixToken: 'tokenizer', prefixIds: [257] },
    });
    const models = ['--base', at('chat'), '--extension', at('talks/extension')];
    const args = ['compare', ...models, '--text', at('talks/held-out/swh_Latn.jsonl'), '--output', at('cmp')];
    expect(await runHere([...args, '--resamples', '100'])).toMatchObject({ code: 0 });
    const report = (await json('cmp/report.json')) as { languages: { heldOutBytes: number }[] };
    const answers = heldOut.flatMap((line) =>
      (JSON.parse(line) as { messages: Message[] }).messages.filter(({ role }) => role === 'assistant'),
    );
    expect(report.languages[0]!.heldOutBytes).toBe(
      answers.reduce((sum, { content }) => sum + content.length, 0),
    );
  });

  it('keep what is predicted in the cache of hidden states', async () => {
    const { at } = world;
    const flags = ['--preset', 'moe-ct-mixture', '--method', '{ layers: { top: 1 }, attentionRank: 0 }'];
    const run = (output: string, ...more: string[]) =>
      runHere([
        ...['train', '--base', at('chat'), '--text', `swh_Latn=${at('talk.jsonl')}`, '--tokens', '2000'],
        ...[...flags, '--output', at(output), ...more],
      ]);
    for (const output of ['cold', 'warm']) {
      expect(await run(output, '--cache', at('states'))).toMatchObject({ code: 0 });
    }
    const weights = (output: string) => readFile(at(output, 'extension/moect_model.safetensors'));
    expect((await weights('warm')).equals(await weights('cold'))).toBe(true);
    const losses = async (output: string): Promise<number[]> => {
      const events = (await readFile(at(output, 'events.jsonl'), 'utf8')).trim().split('\n');
      return events
        .map((line) => JSON.parse(line))
        .flatMap((e) => (e.event === 'step' ? [e.tokens as number] : []));
    };
    expect(await run('plain')).toMatchObject({ code: 0 });
    expect(await losses('cold')).toEqual(await losses('plain'));
  });

  it('law 10: accumulation weighs answers by their tokens', async () => {
    const documents = Array.from({ length: 16 }, (_, i) => ({ messages: talk(i) }));
    const weights = async (
      batchSize: number,
      accumulation: number,
    ): Promise<{ loss: number; weight: Float32Array }> => {
      const pack = await train(base, {
        languages: { swh_Latn: documents },
        preset: 'ct',
        data: { heldOut: 0 },
        training: { steps: 1, batchSize, accumulation, warmup: 0 },
      });
      const [variable] = pack.extension.parameters.values();
      const result = { loss: pack.result.metrics!.loss, weight: (await variable!.data()) as Float32Array };
      pack.dispose();
      return result;
    };
    const [one, four] = [await weights(4, 1), await weights(1, 4)];
    expect(four.loss).toBeCloseTo(one.loss, 5);
    // a step of AdamW moves a weight by the learning rate where rounding turns the sign of a gradient near 0
    const far = four.weight.filter((value, i) => Math.abs(value - one.weight[i]!) > 1e-5).length;
    expect(far / one.weight.length).toBeLessThan(0.01);
  });

  it('laws 6 and 7: an answer’s score depends on what stands before it alone, in any batch', async () => {
    const score = async (...conversations: Message[][]): Promise<readonly number[]> => {
      const texts = { swh_Latn: conversations.map((messages, i) => ({ id: `d${i}`, messages })) };
      const { languages } = await evaluate(base, texts);
      return [languages[0]!.bitsPerByte, languages[0]!.bytes, languages[0]!.tokens];
    };
    const [alone, together] = [await score(talk(0)), await score(talk(0), talk(0))];
    expect(together[0]).toBeCloseTo(alone[0]!, 6);
    expect(together[1]).toBe(2 * alone[1]!);
    const [asked, answered] = talk(1) as [Message, Message];
    const later = { role: 'user', content: 'swali lingine kabisa' };
    // a question at the end is read and not scored
    expect(await score([asked, answered, later])).toEqual(await score([asked, answered]));
    expect(await score([{ ...asked, content: 'x' }, answered])).not.toEqual(await score([asked, answered]));
  });

  it('are refused by a base without a chat template', async () => {
    const { at } = world;
    const run = await runHere(['train', '--base', at('base'), '--text', `swh_Latn=${at('talk.jsonl')}`]);
    expect(run.code).toBe(65);
    expect(run.stderr).toMatch(/is a conversation \(messages\), and this base has no chat template/);
    await writeFile(at('bad.jsonl'), '{"messages":[{"role":"user"}]}\n');
    const bad = await runHere(['eval', '--base', at('chat'), '--text', `swh_Latn=${at('bad.jsonl')}`]);
    expect(bad.stderr).toMatch(/line 1: messages\[0\].content must be a text/);
  });
});

describe('generate --chat', { timeout: 300_000 }, () => {
  it('answers by the template, and says when there is none', async () => {
    const { at } = world;
    const args = ['--prompt', 'habari</s>', '--max-new-tokens', '4', '--json'];
    const run = await runHere(['generate', '--base', at('chat'), '--chat', '--system', 'fupi', ...args]);
    expect(run).toMatchObject({ code: 0 });
    expect(run.stderr).toMatch(/names control tokens in 1 place\(s\); they are read as text/);
    const without = await runHere(['generate', '--base', at('base'), '--chat', ...args]);
    expect(without.code).toBe(65);
    expect(without.stderr).toMatch(/need a chat template.*instruct model/s);
    const lonely = await runHere(['generate', '--base', at('chat'), '--system', 'x', ...args]);
    expect(lonely.stderr).toMatch(/Give --chat with it/);
  });

  it('takes messages in a program, or a prompt', async () => {
    const messages = [{ role: 'user', content: 'habari' }];
    const last = async (options: object): Promise<unknown> => {
      const pieces = generate(base, { maxNewTokens: 3, ...options });
      for (;;) {
        const next = await pieces.next();
        if (next.done === true) return next.value;
      }
    };
    // the template's text by hand, without its control token, is another prompt
    expect(await last({ messages })).not.toEqual(await last({ prompt: 'u:habari</s>a:' }));
    // a conversation gets the Unicode form of training, as a prompt does
    const asked = (content: string): Promise<unknown> => last({ messages: [{ role: 'user', content }] });
    expect(await asked('ọ̀rọ̀'.normalize('NFD'))).toEqual(await asked('ọ̀rọ̀'.normalize('NFC')));
    await expect(last({ messages, prompt: 'x' })).rejects.toThrow(/exclude prompt/);
    await expect(last({ messages: [{ role: 'user' }] })).rejects.toThrow(/must be a list/);
    await expect(last({})).rejects.toThrow(/prompt: is undefined, must be a text/);
    // an empty prompt stands where a document does
    expect(await last({ prompt: '' })).toMatchObject({ tokens: expect.any(Number) });
  });
});

describe('what stands in front of a text', { timeout: 300_000 }, () => {
  const texts = (): string[] => ['--base', world.at('silent'), '--text', world.at('swh_Latn.txt')];
  const without = async (file: string, group: string, key: string): Promise<void> => {
    const value = await json(file);
    const { [key]: _, ...rest } = (group === '' ? value : value[group]) as Record<string, unknown>;
    await writeFile(world.at(file), JSON.stringify(group === '' ? rest : { ...value, [group]: rest }));
  };

  it('is printed by the plan, and chosen by data.prefixToken', async () => {
    const { at } = world;
    const plan = await runHere(['train', ...texts(), '--tokens', '500', '--plan']);
    expect(plan.stdout).toMatch(/texts +documents stand after EOS \(257\)/);
    const config = `base: ${at('silent')}\ndata: { prefixToken: bos }\ntraining: { tokens: 500 }
languages: [{ code: swh_Latn, role: new, files: [${at('swh_Latn.txt')}] }]\noutput: ${at('bos')}\n`;
    await writeFile(at('bos.yaml'), config);
    const run = await runHere(['train', at('bos.yaml')]);
    expect(run.stderr).toMatch(/documents stand after BOS \(256\), as asked for; prompts likewise/);
    expect(await json('bos/extension/moect_config.json')).toMatchObject({ tokens: { prefixIds: [256] } });
    await writeFile(at('bos.yaml'), config.replace('bos }', 'cls }'));
    expect((await runHere(['train', at('bos.yaml')])).stderr).toMatch(/line 2.*prefixToken/);
  });

  it('is that of moect 0.1 for its runs and packs', async () => {
    const { at } = world;
    expect(await runHere(['train', ...texts(), '--tokens', '500', '--output', at('old')])).toMatchObject({
      code: 0,
    });
    // as moect 0.1 left it: nothing says what stands in front
    await without('old/resolved.json', 'data', 'prefixToken');
    await without('old/extension/moect_config.json', '', 'tokens');
    const again = await runHere(['train', at('old/resolved.json'), '--output', at('old-again')]);
    expect(again.stderr).toMatch(/documents stand after BOS \(256\), by the rule of moect 0.1/);
    expect(await json('old-again/resolved.json')).toMatchObject({ data: { prefixToken: 'moect-0.1' } });
    // a finished run of the old rule goes on by it, whatever asks for it
    await without('old-again/resolved.json', 'data', 'prefixToken');
    const resumed = await runHere([
      'train',
      ...texts(),
      '--tokens',
      '500',
      '--output',
      at('old-again'),
      '--resume',
    ]);
    expect(resumed).toMatchObject({ code: 0 });
    expect(resumed.stderr).toMatch(/by the rule of moect 0.1/);
    const plain = await openBase(at('silent'), { backend: 'wasm', threads: 1 });
    const [older, newer] = [
      await openPack(plain, at('old/extension')),
      await openPack(plain, at('bos/extension')),
    ];
    expect(older.info.tokens).toBeUndefined();
    // both stand after BOS
    await expect(evaluate(plain, { swh_Latn: 'habari' }, { packs: [older, newer] })).resolves.toBeDefined();
    const { prefixToken } = { prefixToken: 'tokenizer' as const };
    const eos = { ...newer, info: { ...newer.info, tokens: { prefixToken, prefixIds: [257] } } };
    await expect(evaluate(plain, { swh_Latn: 'habari' }, { packs: [older, eos] })).rejects.toThrow(
      /stand after different tokens: 'old' after 256, 'bos' after 257/,
    );
    for (const pack of [older, newer]) pack.dispose();
    plain.dispose();
  });

  it('must be the same when a pack is opened', async () => {
    const { at } = world;
    const moved = await openBase(at('base'), { backend: 'wasm', threads: 1 });
    await cp(at('bos/extension'), at('tokenizer-rule'), { recursive: true });
    const info = await json('tokenizer-rule/moect_config.json');
    const tokens = { prefixToken: 'tokenizer', prefixIds: [257] };
    await writeFile(at('tokenizer-rule/moect_config.json'), JSON.stringify({ ...info, tokens }));
    await expect(openPack(moved, at('tokenizer-rule'))).rejects.toThrow(
      /was trained on documents after 257; the base's tokenizer puts 256 there/,
    );
    moved.dispose();
  });
});
