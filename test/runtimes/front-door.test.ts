import { cp, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import * as moect from 'moect';
import * as browserDoor from 'moect/browser';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type PageServer, servePage } from '../../examples/browser/scripts/serve.ts';
import { bundleForBrowser } from '../support/bundle.ts';
import { type Browser, findChromium, launchChromium } from '../support/chromium.ts';
import { demoTexts } from '../support/demo-texts.ts';
import { type RecipeResult, recipe } from './front-door-recipe.ts';

const BASE = path.resolve(import.meta.dirname, '../../examples/demo/base');
const PROGRAM = `
  import * as moect from 'moect/browser';
  import { recipe } from './front-door-recipe.ts';
  export const run = (texts) => recipe(moect, 'base/', texts);
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
    expect(await readdir(page)).toContain('program.js');
    server = await servePage(page, { port: 0, isolated: true });
    browser = await launchChromium(executable!);
  }, 120_000);
  afterAll(async () => {
    await browser?.close();
    await server?.close();
  });

  it('gives what Node gives', async () => {
    const page = await browser.context.newPage();
    await page.goto(`${server.origin}/`);
    const given = JSON.stringify(texts);
    const result = (await page.evaluate(
      `import(new URL('program.js', location)).then((m) => m.run(${given}))`,
    )) as RecipeResult;
    const { worst } = inNode;
    expect(result.worst).toMatchObject({ pack: worst!.pack, language: worst!.language });
    expect(Math.abs(result.worst!.relativeChange - worst!.relativeChange)).toBeLessThan(1e-5);
    expect(result.text).toBe(inNode.text);
  });
});
