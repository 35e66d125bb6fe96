import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InvalidConfigError } from '@moect/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { configSchema } from '../config/schema.ts';
import { evaluatedTexts } from '../evaluation/evaluated-texts.ts';
import { promptFor } from '../evaluation/prompt.ts';
import type { UsedPack } from '../evaluation/scorers.ts';
import { nodePlatform } from '../platform/node.ts';
import { openRunFolder } from '../platform/run-folder.ts';
import { splitLanguage } from './pack-text.ts';
import { splitNotes } from './split-notes.ts';
import { textSettings } from './text-settings.ts';
import { readTexts } from './texts.ts';
import type { Texts } from './texts-shape.ts';

let folder: string;
const at = (name: string): string => join(folder, name);
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'moect-texts-'));
  await writeFile(at('swahili.txt'), 'moja\nmbili\n');
  await writeFile(at('noending'), 'moja\n');
  await writeFile(at('empty.txt'), '');
  await writeFile(at('english.jsonl'), '{"text":"one","language":"eng"}\n{"text":"two","language":"eng"}\n');
  await writeFile(at('content.jsonl'), '{"content":"maandishi","text":"other"}\n');
  await writeFile(at('held-out.jsonl'), '{"text":"maandishi"}\n');
  await mkdir(at('folder'));
});
afterAll(() => rm(folder, { recursive: true }));

const defaults = textSettings(
  configSchema.parse({ base: 'b', languages: [{ code: 'swh_Latn', role: 'new', files: ['a.txt'] }] }).data,
);
const read = (texts: Texts, settings = defaults) =>
  readTexts({ code: 'swh_Latn', role: 'new' }, texts, settings, nodePlatform);

describe('texts', () => {
  it('say what a file is that is none', async () => {
    const reading = read({ files: [at('folder'), at('missing.txt')] });
    await expect(reading).rejects.toThrow(InvalidConfigError);
    await expect(reading).rejects.toThrow(
      /folder: is a folder; name the files in it.*missing.txt: is not there/s,
    );
  });

  it('say why nothing is left', async () => {
    await expect(read({ files: [at('empty.txt')] })).rejects.toThrow(
      /empty.txt: no document with text; is empty/,
    );
    await expect(read({ files: [at('english.jsonl')] })).rejects.toThrow(
      /all 2 records name another language than 'swh_Latn': eng/,
    );
    await expect(read([{ id: '1', text: 'one', language: 'eng' }])).rejects.toThrow(/all 1 records.*: eng/);
  });

  it('are not the name of a file', async () => {
    const wanted = /is '.*', the name of a file, not its text.*Give the file: \{ swh_Latn: \{ files: \['/s;
    for (const given of ['swahili.txt', './text/a', 'C:\\text\\a', at('noending'), 'a.jsonl.gz']) {
      await expect(read(given)).rejects.toThrow(wanted);
      await expect(read([given, 'b.txt'])).rejects.toThrow(wanted);
    }
    // a text may name a file
    for (const given of ['habari za dunia', 'soma a.txt kwanza', 'a.txt\nni faili', 'moja/mbili']) {
      expect((await read(given)).documents.length).toBeGreaterThan(0);
    }
    expect((await read(['a.txt', 'habari'])).documents).toHaveLength(2);
  });

  it('from memory are as from files: aliases, line ends, Unicode form', async () => {
    const composed = 'ẹ̀kọ́'.normalize('NFC');
    const { documents, reports } = await read([
      { id: '1', text: `${composed.normalize('NFD')}\r\nb`, language: 'sw' },
      { id: '2', text: 'one', language: 'eng' },
      ' ',
    ]);
    expect(documents).toEqual([{ id: '1', text: `${composed}\nb`, language: 'swh_Latn' }]);
    expect(reports[0]).toMatchObject({
      normalizedDocuments: 1,
      emptyDocuments: 1,
      otherLanguages: { eng: 1 },
    });
    const asIs = await read([composed.normalize('NFD')], { ...defaults, normalization: 'none' });
    expect(asIs.documents[0]!.text).toBe(composed.normalize('NFD'));
  });

  it('and conversations from memory too, message by message; documents without ids are told apart', async () => {
    const composed = 'ẹ̀kọ́'.normalize('NFC');
    const messages = [
      { role: 'user', content: `a\r${composed.normalize('NFD')}` },
      { role: 'assistant', content: composed.normalize('NFD') },
    ];
    const { documents, reports } = await read([{ id: 'x', text: 'b', language: 'swh' }, { messages }, 'c']);
    expect(documents.map(({ id }) => id)).toEqual(['x', 'swh_Latn-2', 'swh_Latn-3']);
    expect(documents[1]).toMatchObject({
      text: `user: a\n${composed}\nassistant: ${composed}`,
      messages: [{ content: `a\n${composed}` }, { content: composed }],
    });
    expect(reports[0]).toMatchObject({ normalizedDocuments: 1, documents: 3 });
  });

  it('from a File object are as from a path', async () => {
    const file = new File([Uint8Array.of(0x61, 0xff), '\nb\n'], 'a.txt');
    await expect(read({ files: [file] })).rejects.toThrow(/a.txt: line 1, byte 1/);
    const { documents } = await read({ files: [file] }, { ...defaults, invalidUtf8: 'skip-document' });
    expect(documents.map(({ text }) => text)).toEqual(['b']);
  });
});

type Info = UsedPack['info'];

/** What reading looks at in a pack; no weights are touched. */
const packOf = (name: string, info: Partial<Info>): UsedPack => ({
  name,
  extension: {} as UsedPack['extension'],
  info: { combine: 'gate', languages: [{ code: 'swh_Latn', role: 'new' }], ...info },
});

const recorded = (textField: string, normalization: 'NFC' | 'none' = 'NFC'): Partial<Info> => ({
  text: { textField, normalization },
});

describe('text to be scored', () => {
  const evaluated = (texts: Record<string, Texts>, ...packs: UsedPack[]) =>
    evaluatedTexts(texts, packs, nodePlatform);

  it('has the codes of the packs, whatever alias it is given by', async () => {
    const pack = packOf('pack', {
      languages: [
        { code: 'swh_Latn', role: 'new' },
        { code: 'eng_Latn', role: 'old' },
      ],
    });
    const { texts, notes } = await evaluated({ sw: ['habari'], 'en-US': ['hello'], is: ['halló'] }, pack);
    expect(texts.map(({ code, role }) => [code, role])).toEqual([
      ['swh_Latn', 'new'],
      ['eng_Latn', 'old'],
      ['isl_Latn', 'unseen'],
    ]);
    expect(texts[0]!.documents[0]!.language).toBe('swh_Latn');
    expect(notes).toContain("language 'is' is 'isl_Latn' (Icelandic)");
    // an old pack may have a code that is none today
    const old = packOf('old', { languages: [{ code: 'mine', role: 'new' }] });
    expect((await evaluated({ mine: ['habari'] }, old)).texts[0]).toMatchObject({
      code: 'mine',
      role: 'new',
    });
    await expect(evaluated({ icelandic: ['halló'] }, pack)).rejects.toThrow(/Did you mean 'isl_Latn'/);
  });

  it('given by two aliases is one language', async () => {
    const { texts } = await evaluated({ sw: ['habari'], swh: ['dunia'] }, packOf('pack', {}));
    expect(texts).toHaveLength(1);
    expect(texts[0]!.documents.map(({ text }) => text)).toEqual(['habari', 'dunia']);
  });

  it('warns where a pack has no text in its languages', async () => {
    const { notes } = await evaluated({ isl_Latn: ['halló'] }, packOf('pack', recorded('text')));
    expect(notes).toEqual([
      "no text is in a language that 'pack' was made for (swh_Latn): its gain cannot show",
    ]);
  });

  it('is read as the pack records: field, Unicode form, division', async () => {
    const pack = packOf('pack', recorded('content'));
    const files = { swh_Latn: { files: [at('content.jsonl'), at('held-out.jsonl')] } };
    const textsOf = async (...packs: UsedPack[]): Promise<string[]> =>
      (await evaluated(files, ...packs)).texts[0]!.documents.map(({ text }) => text);
    expect(await textsOf(pack)).toEqual(['maandishi', 'maandishi']);
    expect(await textsOf(packOf('old', {}))).toEqual(['other', 'maandishi']);
    const whole = packOf('whole', { text: { textField: 'text', normalization: 'NFC', format: 'whole' } });
    const plain = { swh_Latn: { files: [at('swahili.txt')] } };
    expect((await evaluated(plain, whole)).texts[0]!.documents).toHaveLength(1);
    const asked = await evaluatedTexts(plain, [whole], nodePlatform, { data: { format: 'lines' } });
    expect(asked.texts[0]!.documents).toHaveLength(2);
  });

  it('keeps the Unicode form that an old pack was trained on, and says so', async () => {
    const decomposed = 'ẹ̀kọ́'.normalize('NFD');
    const old = await evaluated({ swh_Latn: [decomposed] }, packOf('old', {}));
    expect(old.texts[0]!.documents[0]!.text).toBe(decomposed);
    expect(old.notes.join()).toMatch(/1 of 1 document not in Unicode NFC, left so/);
    const both = await evaluated(
      { swh_Latn: [decomposed] },
      packOf('old', {}),
      packOf('new', recorded('text')),
    );
    expect(both.texts[0]!.documents[0]!.text).toBe(decomposed.normalize('NFC'));
    expect(both.notes.join()).toMatch(/'old' was trained on text with Unicode normalisation none/);
    const base = await evaluated({ swh_Latn: [decomposed] });
    expect(base.texts[0]!.documents[0]!.text).toBe(decomposed.normalize('NFC'));
  });
});

describe('a prompt', () => {
  const prompt = 'ẹ̀kọ́'.normalize('NFD');
  const packs = [packOf('pack', recorded('text'))];

  it('gets the Unicode form of the packs, and its language their code', () => {
    expect(promptFor({ prompt, packs, language: 'sw' })).toEqual({
      prompt: prompt.normalize('NFC'),
      language: 'swh_Latn',
      notes: ['the prompt is changed to Unicode NFC'],
    });
    const old = [packOf('old', {})];
    expect(promptFor({ prompt, packs: old }).prompt).toBe(prompt);
    const messages = [
      { role: 'system', content: prompt },
      { role: 'user', content: prompt },
    ];
    expect(promptFor({ messages, packs })).toEqual({
      messages: messages.map(({ role, content }) => ({ role, content: content.normalize('NFC') })),
      notes: ['the prompt is changed to Unicode NFC'],
    });
    expect(promptFor({ messages, packs: old })).toEqual({ messages, notes: [] });
  });

  it('in a language of no pack is noted; in none at all it is refused', () => {
    const { notes } = promptFor({ prompt: 'a', packs, language: 'is' });
    expect(notes.join()).toMatch(/'isl_Latn' is no language that the extensions were made for \(swh_Latn\)/);
    expect(() => promptFor({ prompt: 'a', packs, language: 'icelandic' })).toThrow(/Did you mean 'isl_Latn'/);
  });
});

describe('held-out text', () => {
  const documents = (count: number, length = 10) =>
    Array.from({ length: count }, (_, i) => ({
      id: `${i}`,
      text: `${i} `.repeat(length),
      language: 'swh_Latn',
    }));
  const split = (count: number, minHeldOut: number, length?: number) =>
    splitLanguage({ code: 'swh_Latn', role: 'new' }, documents(count, length), { heldOut: 1e-6, minHeldOut });

  it('has no copies of what is trained on, and says how many there were', () => {
    const twice = [...documents(20), ...documents(3)];
    const text = splitLanguage({ code: 'swh_Latn', role: 'new' }, twice, { heldOut: 0.05, minHeldOut: 1 });
    expect(text.train.length + text.heldOut.length).toBe(20);
    expect(splitNotes([text], 0.05)).toEqual(['swh_Latn: 3 documents are copies of others and left out']);
  });

  it('is there from ten documents on, and noted where it is not', () => {
    expect(split(12, 1).heldOut).toHaveLength(1);
    expect(split(12, 0).heldOut).toHaveLength(0);
    expect(split(9, 1).heldOut).toHaveLength(0);
    expect(splitNotes([split(12, 1)], 0.05)).toEqual([]);
    expect(splitNotes([split(9, 1)], 0.05)[0]).toMatch(
      /all of its 9 documents are trained on, none is held out/,
    );
    expect(splitNotes([split(9, 1)], 0)).toEqual([]);
    expect(splitNotes([split(12, 1)], 0, [{ code: 'eng_Latn' }])).toEqual([
      'no evaluation text is in a new language (swh_Latn): the gain cannot show',
    ]);
    expect(splitNotes([split(12, 1)], 0, [{ code: 'swh_Latn' }])).toEqual([]);
    expect(splitNotes([split(1, 1)], 0.05)[0]).toMatch(/its one document is trained on/);
    expect(splitNotes([split(1, 1, 100_000)], 0)[0]).toMatch(/one document of 200,000 characters.*--format/);
  });
});

describe('a run folder', () => {
  it('takes no file outside of it', async () => {
    const run = await openRunFolder(at('run'), false);
    try {
      await expect(run.write('held-out/../../x', 'a')).rejects.toThrow(/lies outside the run's folder/);
      await run.write('held-out/x', 'a');
    } finally {
      await run.close();
    }
  });
});
