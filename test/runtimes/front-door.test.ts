import { cp, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import * as moect from 'moect';
import * as browserDoor from 'moect/browser';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type PageServer, servePage } from '../../examples/browser/scripts/serve.ts';
import { bundleForBrowser } from '../support/bundle.ts';
import { type Browser, findChromium, launchChromium } from '../support/chromium.ts';
import { demoTexts } from '../support/demo-texts.ts';
import { fixture } from '../support/fixtures.ts';
import { type RecipeResult, recipe } from './front-door-recipe.ts';

const BASE = path.resolve(import.meta.dirname, '../../examples/demo/base');
const GGUF = fixture('gguf/stories260k.gguf');
const PROGRAM = `
  import * as moect from 'moect/browser';
  import { recipe } from './front-door-recipe.ts';
  export const run = (texts) => recipe(moect, 'base/', texts);
  export async function runOnFile(texts) {
    const blob = await (await fetch('stories260k.gguf')).blob();
    return recipe(moect, new File([blob], 'stories260k.gguf'), texts);
  }
`;
const executable = findChromium();
const title = executable === undefined ? ' (skipped: no chromium in PATH, and CHROMIUM names none)' : '';

let folder: string;
let texts: Record<string, string[]>;
let inNode: RecipeResult;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'moect-front-door-'));
  texts = await demoTexts();
  inNode = await recipe(moect as never, BASE, texts);
}, 240_000);
afterAll(() => rm(folder, { recursive: true }));

describe('the front door', { timeout: 240_000 }, () => {
  it('has the same functions in Node and in browsers, and few names in all', () => {
    const shared = [
      'openBase',
      'openPack',
      'train',
      'planTraining',
      'compare',
      'evaluate',
      'generate',
      'createMoect',
    ];
    expect(Object.keys(moect)).toEqual(expect.arrayContaining(shared));
    expect(Object.keys(browserDoor)).toEqual(expect.arrayContaining(shared));
    expect(Object.keys(moect).length).toBeLessThanOrEqual(15);
  });

  it('teaches, compares and continues texts in memory', () => {
    expect(inNode.worst).toMatchObject({ pack: 'moe-ct', language: 'eng_Latn' });
    expect(inNode.worst!.relativeCi95[0]).toBeLessThanOrEqual(inNode.worst!.relativeChange);
    expect(inNode.text).not.toBe('');
  });

  it('keeps texts of another language out, and says what is wrong with the rest', async () => {
    const base = await moect.openBase(BASE);
    const swahili = texts['swahili']!;
    const wrong = { languages: { swh_Latn: swahili }, training: { steps: 2, tokens: 5 }, presett: 'x' };
    await expect(moect.train(base, wrong as never)).rejects.toThrow(
      /presett: is no known key\. Did you mean 'preset'\?[\s\S]*training\.tokens: excludes steps/,
    );
    const others = [{ id: 'a', text: 'hello', language: 'eng_Latn' }];
    await expect(moect.train(base, { languages: { swh_Latn: others } })).rejects.toThrow(
      /all 1 records name another language than 'swh_Latn'/,
    );
    await expect(moect.train(base, { languages: { swh_Latn: [] } })).rejects.toThrow(/no document with text/);
    await expect(moect.train(base, { languages: {} })).rejects.toThrow(/languages: is empty/);
    base.dispose();
  });

  it.each<[string, Record<string, unknown>, RegExp]>([
    ['a replay share below 0', { replayShare: -1 }, /replayShare: is -1, must be 0 or more/],
    ['weights of no language', { weights: { yor_Latn: 3 } }, /weights\.yor_Latn: is no language of this run/],
    ['a list for texts by language', { languages: [['a']] }, /languages: is .*must be of type record/],
    ['a code that names another folder', { languages: { '../x': ['a'] } }, /is no language code/],
    ['files as one name', { languages: { swh_Latn: { files: 'a.txt' } } }, /must be documents, one string/],
    ['resume without a folder', { resume: true }, /resume: needs output/],
    ['an empty folder name', { output: '' }, /output: is empty/],
    ['a misspelt hook', { ouput: 'x' }, /ouput: is no known key\. Did you mean 'output'\?/],
    ['a language on both sides', { replay: { swh_Latn: ['a'] } }, /replay\.swh_Latn: is in languages too/],
    [
      'a context that is too long',
      { data: { sequenceLength: 10_000 } },
      /sequenceLength: is 10000, the base's/,
    ],
  ])('refuses %s', async (_, options, message) => {
    const base = await moect.openBase(BASE);
    const given = { languages: { swh_Latn: texts['swahili'] }, ...options };
    await expect(moect.train(base, given as never)).rejects.toThrow(message);
    base.dispose();
  });

  it('refuses options that it does not know, and what is neither base nor pack', async () => {
    const wrong = { storage: 'fp16', backend: 'cuda' } as never;
    await expect(moect.openBase(BASE, wrong)).rejects.toThrow(/storage: is 'fp16'[\s\S]*backend: is 'cuda'/);
    const base = await moect.openBase(BASE);
    const held = { swh_Latn: ['habari'] };
    await expect(moect.evaluate(base, held, { pack: [] } as never)).rejects.toThrow(/Did you mean 'packs'/);
    await expect(moect.compare(base, {} as never, held)).rejects.toThrow(/packs: must be a list of packs/);
    await expect(moect.compare({} as never, [], held)).rejects.toThrow(/base: is no base/);
    await expect(moect.generate(base, {} as never).next()).rejects.toThrow(/prompt: is undefined/);
    base.dispose();
  });

  it('replaces packs only: the files of others stay, and a pack serves its own base only', async () => {
    const base = await moect.openBase(BASE);
    const pack = await moect.train(base, {
      languages: { swh_Latn: texts['swahili']! },
      training: { steps: 1 },
    });
    const others = path.join(folder, 'others');
    await mkdir(others);
    await writeFile(path.join(others, 'important.txt'), 'x');
    await expect(pack.save(others)).rejects.toThrow(/holds 1 other file\(s\), such as important\.txt/);
    expect(await readdir(others)).toEqual(['important.txt']);
    await expect(pack.save(folder, { dtype: 'f16' } as never)).rejects.toThrow(/dtype: is "f16"/);
    await pack.save(path.join(folder, 'twice'));
    await pack.save(path.join(folder, 'twice'));
    const stranger = { ...base, identity: { ...base.identity, sha256: '0'.repeat(64) } };
    await expect(moect.evaluate(stranger, { swh_Latn: ['b'] }, { packs: [pack] })).rejects.toThrow(
      /was made for base/,
    );
    pack.dispose();
    base.dispose();
  });

  it('stops scoring when its signal is aborted, between two batches', async () => {
    const base = await moect.openBase(BASE);
    const documents = Array.from({ length: 200 }, (_, i) => `${texts['english']!.join(' ')} ${i}`);
    const begin = performance.now();
    const signal = AbortSignal.timeout(300);
    await expect(moect.evaluate(base, { eng_Latn: documents }, { signal })).rejects.toThrow(/timeout/);
    expect(performance.now() - begin).toBeLessThan(30_000);
    base.dispose();
  });

  it('ends generation when the loop over its pieces is left', async () => {
    const base = await moect.openBase(BASE);
    let pieces = 0;
    const endless = moect.generate(base, { prompt: 'The', maxNewTokens: 200 });
    for await (const _ of endless) if (++pieces === 2) break;
    expect(pieces).toBe(2);
    expect(await endless.next()).toEqual({ done: true, value: undefined });
    base.dispose();
  });

  it('saves what it trained, and opens it again to the same scores', async () => {
    const base = await moect.openBase(BASE);
    const options = { languages: { swh_Latn: texts['swahili']! }, training: { steps: 3 } };
    const pack = await moect.train(base, options);
    expect(pack.folder).toBeNull();
    expect(await pack.save(path.join(folder, 'pack'))).toBe(path.join(folder, 'pack'));
    const again = await moect.openPack(base, path.join(folder, 'pack'));
    const held = { swh_Latn: texts['swahili-test']! };
    const scores = async (one: moect.Pack): Promise<unknown> =>
      (await moect.evaluate(base, held, { packs: [one], combine: 'known' })).languages;
    expect(await scores(again)).toEqual(await scores(pack));
    for (const one of [pack, again, base]) one.dispose();
  });
});

describe.skipIf(executable === undefined)(`in headless Chromium${title}`, { timeout: 240_000 }, () => {
  let browser: Browser;
  let server: PageServer;
  beforeAll(async () => {
    const page = path.join(folder, 'page');
    await cp(BASE, path.join(page, 'base'), { recursive: true });
    await writeFile(path.join(page, 'index.html'), '<!doctype html><title>moect</title>');
    await writeFile(path.join(page, 'program.js'), await bundleForBrowser(PROGRAM, import.meta.dirname));
    await cp(GGUF, path.join(page, 'stories260k.gguf'));
    expect(await readdir(page)).toContain('program.js');
    server = await servePage(page, { port: 0, isolated: true });
    browser = await launchChromium(executable!);
  }, 120_000);
  afterAll(async () => {
    await browser?.close();
    await server?.close();
  });

  it.each([
    ['over HTTP', 'run', BASE],
    ['from a GGUF file that the user chose', 'runOnFile', GGUF],
  ])('gives what Node gives, on a base %s', async (_, program, place) => {
    const expected = place === BASE ? inNode : await recipe(moect as never, place, texts);
    const page = await browser.context.newPage();
    await page.goto(`${server.origin}/`);
    const given = JSON.stringify(texts);
    const result = (await page.evaluate(
      `import(new URL('program.js', location)).then((m) => m.${program}(${given}))`,
    )) as RecipeResult;
    const { worst } = expected;
    expect(result.worst).toMatchObject({ pack: worst!.pack, language: worst!.language });
    expect(Math.abs(result.worst!.relativeChange - worst!.relativeChange)).toBeLessThan(1e-5);
    expect(result.text).toBe(expected.text);
  });
});
