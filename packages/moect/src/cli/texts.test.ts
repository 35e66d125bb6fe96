import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runHere } from '../testing/run-cli.ts';
import { makeTinyWorld, type TinyWorld } from '../testing/tiny-world.ts';

let world: TinyWorld;
const sentence = (i: number): string => `ọ̀rọ̀ ${'habari dunia watu '.repeat(3)}${i}.`.normalize('NFD');

beforeAll(async () => {
  world = await makeTinyWorld();
  const { at } = world;
  const records = Array.from({ length: 24 }, (_, i) => {
    const language = i % 4 === 3 ? 'eng' : 'swh';
    return `${JSON.stringify({ content: sentence(i), language, language_script: 'Latn' })}\n`;
  });
  // two members, as `cat a.gz b.gz` writes them
  const half = records.length / 2;
  const members = [records.slice(0, half), records.slice(half)].map((part) => gzipSync(part.join('')));
  await writeFile(at('a.jsonl.gz'), Buffer.concat(members));
  await writeFile(at('b.txt'), Array.from({ length: 6 }, (_, i) => `${sentence(i + 50)}\n\n`).join('\r'));
  await writeFile(at('utf16.txt'), Buffer.from('habari\ndunia\n', 'utf16le'));
  await mkdir(at('folder'));
});
afterAll(() => world.remove());

const PATIENCE = 300_000;

describe('a run on text of every shape', { timeout: PATIENCE }, () => {
  it('takes aliases, several files and other fields, and says what it left out', async () => {
    const { at } = world;
    const texts = [
      '--text',
      `sw=${at('a.jsonl.gz')}`,
      `sw=${at('b.txt')}`,
      '--replay',
      `en=${at('eng_Latn.txt')}`,
    ];
    const reading = ['--text-field', 'content', '--format', 'blocks'];
    const flags = ['--base', at('base'), ...texts, ...reading, '--tokens', '2048', '--output', at('run')];
    const { code, stderr } = await runHere(['train', ...flags]);
    expect(stderr).toMatch(/note: language 'sw' is 'swa_Latn' \(Swahili\)/);
    expect(stderr).toMatch(/a\.jsonl\.gz: 6 of 24 records left out, which name another language: eng_Latn 6/);
    expect(stderr).toMatch(/b\.txt: 6 of 6 documents changed to Unicode NFC/);
    expect(stderr).toMatch(/b\.txt: \d+ lines? end in CR alone/);
    // 18 records and 6 blocks; one of 24 documents is held out, whatever the share gives
    expect(stderr).toMatch(/new: swa_Latn, 2[0-3] documents/);
    expect(code).toBe(0);
    const resolved = JSON.parse(await readFile(at('run/resolved.json'), 'utf8'));
    expect(resolved.data).toMatchObject({ normalization: 'NFC', minHeldOut: 1, textField: 'content' });
    expect(resolved.resolved.reading[0]).toMatchObject({ otherLanguages: { eng_Latn: 6 }, gzip: true });
    const info = JSON.parse(await readFile(at('run/extension/moect_config.json'), 'utf8'));
    expect(info.text).toEqual({ normalization: 'NFC', textField: 'content', format: 'blocks' });
    expect(info.languages.map((language: { code: string }) => language.code)).toEqual([
      'swa_Latn',
      'eng_Latn',
    ]);
    expect(await readdir(at('run/held-out'))).toContain('swa_Latn.jsonl');
  });

  it('is compared on text that is read alike, under every alias', async () => {
    const { at } = world;
    const pack = ['--base', at('base'), '--extension', at('run/extension')];
    const texts = [
      '--text',
      `swh=${at('a.jsonl.gz')}`,
      at('run/held-out/swa_Latn.jsonl'),
      `isl=${at('swh_Latn.txt')}`,
    ];
    const { code, stdout, stderr } = await runHere([
      'eval',
      ...pack,
      '--combine',
      'known',
      '--json',
      ...texts,
    ]);
    expect(stderr).toMatch(/6 of 24 records left out/);
    expect(code).toBe(0);
    const { languages } = JSON.parse(stdout);
    expect(languages.map((row: { language: string; role: string }) => [row.language, row.role])).toEqual([
      ['swa_Latn', 'new'],
      ['isl_Latn', 'unseen'],
    ]);
    const foreign = await runHere(['eval', ...pack, '--text', `isl_Latn=${at('swh_Latn.txt')}`]);
    expect(foreign.stderr).toMatch(/no text is in a language that 'run' was made for \(swa_Latn\)/);
    const asked = ['--text', `swh=${at('a.jsonl.gz')}`, '--text-field', 'text'];
    const missing = await runHere(['eval', ...pack, ...asked]);
    expect(missing.stderr).toMatch(/no field 'text'; the record has content.*--text-field content/s);
    expect(missing.code).toBe(65);
  });

  it('generates in a language of any alias, and refuses what is none', async () => {
    const { at } = world;
    const pack = ['generate', '--base', at('base'), '--extension', at('run/extension')];
    const more = ['--combine', 'known', '--max-new-tokens', '4', '--prompt'];
    const [one, two] = [
      await runHere([...pack, ...more, 'ọ̀rọ̀'.normalize('NFC'), '--language', 'swa_Latn']),
      await runHere([...pack, ...more, 'ọ̀rọ̀'.normalize('NFD'), '--language', 'sw']),
    ];
    expect(two.stderr).toMatch(/note: the prompt is changed to Unicode NFC/);
    const answer = (text: string): string => text.normalize('NFC');
    expect(answer(two.stdout)).toBe(answer(one.stdout));
    const icelandic = await runHere([...pack, ...more, 'a', '--language', 'icelandic']);
    expect(icelandic.stderr).toMatch(
      /'icelandic' is no language code.*Did you mean 'isl_Latn' \(Icelandic\)/,
    );
    expect(icelandic.code).toBe(65);
    const base = await runHere([...pack, ...more, 'a', '--language', 'is']);
    expect(base.stderr).toMatch(/'isl_Latn' is no language that the extensions were made for/);
    expect(base.code).toBe(0);
  });
});

describe('text that is none', { timeout: PATIENCE }, () => {
  it.each([
    ['utf16.txt', /line 1, byte 0: UTF-16LE text.*iconv -f UTF-16LE -t UTF-8/s],
    ['folder', /folder: is a folder; name the files in it/],
    ['missing.txt', /missing\.txt: is not there/],
  ])('is refused by every command: %s', async (name, message) => {
    const { at } = world;
    const extension = ['--extension', at('run/extension'), '--output', at('cmp')];
    for (const command of [['eval'], ['compare', ...extension]]) {
      const flags = ['--base', at('base'), '--text', `swh_Latn=${at(name)}`];
      const { code, stderr } = await runHere([...command, ...flags]);
      expect(stderr).toMatch(message);
      expect(code).toBe(65);
    }
  });
});

describe('a configuration file behind a flag of several values', { timeout: PATIENCE }, () => {
  it('is the configuration, not another value', async () => {
    const { at } = world;
    await writeFile(at('run.yaml'), 'bse: base\n');
    await writeFile(at('parts.mjs'), 'export const parts = {};\n');
    const found = await runHere(['train', '--parts', at('parts.mjs'), at('run.yaml')]);
    expect(found.stderr).toMatch(/run\.yaml has \d+ problem.*bse: is no known key/s);
    expect(found.code).toBe(65);
    const beside = await runHere(['train', '--text', `sw=${at('b.txt')}`, at('run.yaml')]);
    expect(beside.stderr).toMatch(/--text cannot stand beside a configuration file/);
    const two = await runHere(['train', at('run.yaml'), '--parts', at('parts.mjs'), at('other.yml')]);
    expect(two.stderr).toMatch(/run\.yaml and .*other\.yml are two configuration files/);
    expect(two.code).toBe(64);
  });

  it('gets the text flags', async () => {
    const { at } = world;
    await writeFile(
      at('good.yaml'),
      'base: base\nlanguages:\n  - { code: swh, role: new, files: [a.jsonl.gz] }\ndata: { sequenceLength: 16 }\n',
    );
    const { stderr, code } = await runHere(['train', at('good.yaml'), '--plan', '--text-field', 'content']);
    expect(stderr).toMatch(/language 'swh' is 'swh_Latn' \(Swahili\)\nnote: .*6 of 24 records left out/);
    expect(code).toBe(0);
    const without = await runHere(['train', at('good.yaml'), '--plan']);
    expect(without.stderr).toMatch(/no field 'text'/);
  });
});
