import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InvalidConfigError } from '@moect/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { defaultMoect } from '../parts/moect.ts';
import { type ChosenPreset, choosePreset } from '../training/choose-preset.ts';
import { didYouMean } from './did-you-mean.ts';
import { parsePath, pathText } from './key-path.ts';
import { type ConfigSource, configFrom, parseConfig, readConfig } from './read-config.ts';
import { configSchema, type MoectConfig } from './schema.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'moect-config-'));
  await mkdir(join(folder, 'base'));
  await writeFile(join(folder, 'base/config.json'), '{}');
  await writeFile(join(folder, 'swh.txt'), 'habari\n');
  await writeFile(join(folder, 'eng.txt'), 'hello\n');
  await writeFile(join(folder, 'notes.md'), 'text\n');
});
afterAll(() => rm(folder, { recursive: true }));

async function problemsOf(yaml: string): Promise<string[]> {
  try {
    await parseConfig(yaml, folder);
  } catch (error) {
    if (!(error instanceof InvalidConfigError)) throw error;
    return error.problems.map(({ line, path, message }) => `${line ?? '-'} ${path}: ${message}`);
  }
  return [];
}

/** The preset of a configuration, without reading its texts. */
function presetOf(source: ConfigSource): ChosenPreset {
  const { preset, method, data, training, extension, replay, languages } = source.config;
  const settings = { ...(preset !== undefined && { preset }), method, data, training, extension };
  const input = {
    settings,
    languages: languages.map((language) => ({ ...language, documents: [] })),
    replayShare: replay?.share,
    origin: source,
  };
  return choosePreset(input, defaultMoect);
}

const good = `base: base
languages:
  - { code: swh_Latn, role: new, files: [swh.txt] }
  - { code: eng_Latn, role: old, files: [eng.txt] }
`;

describe('a configuration file', () => {
  it('lists every problem at once, in the order of the file, each with its line', async () => {
    const problems = await problemsOf(`bse: base
languages:
  - code: swh_Latn
    role: nwe
    files: [missing.txt, base, notes.md]
  - code: swh_Latn
    files: swh.txt
training:
  steps: 1.5
  tokens: 100
  learnin_rate: 3e-4
  learningRate: fast
  warmup: 2
replay: { share: 0.1 }
`);
    expect(problems).toEqual([
      '1 base: is missing',
      "1 bse: is no known key. Did you mean 'base'?",
      '4 languages[0].role: is "nwe", must be one of new, old. Did you mean \'new\'?',
      `5 languages[0].files[0]: there is no file ${join(folder, 'missing.txt')}`,
      `5 languages[0].files[1]: ${join(folder, 'base')} is a folder; name the files in it`,
      `5 languages[0].files[2]: ${join(folder, 'notes.md')} is neither .txt nor .jsonl (also with .gz); give data.format (--format)`,
      '6 languages[1].role: is missing; one of new, old',
      "6 languages[1].code: 'swh_Latn' stands in entry 0 already",
      '7 languages[1].files: is "swh.txt", must be of type array',
      '9 training.steps: is 1.5, must be a whole number',
      '10 training.tokens: excludes steps: give one of the two',
      "11 training.learnin_rate: is no known key. Did you mean 'learningRate'?",
      '12 training.learningRate: is "fast", must be of type number',
      '13 training.warmup: is 2, must be 1 or less',
      "14 replay.share: is 0.1, but no language has the role 'old'",
    ]);
  });

  it('names broken YAML, duplicate keys and a second document with their lines', async () => {
    expect(await problemsOf('base: a\nbase: b\n')).toEqual(['2 (YAML): Map keys must be unique']);
    expect((await problemsOf('base: [a\nlanguages: }\n'))[0]).toMatch(/^2 \(YAML\)/);
    expect((await problemsOf('base: a\n---\nbase: b\n'))[0]).toMatch(/YAML.*documents/);
    expect(await problemsOf('')).toEqual(['- (whole file): is null, must be of type object']);
  });

  it('refuses a run without a new language and roles that contradict each other', async () => {
    const problems = await problemsOf(`base: base
languages:
  - { code: eng_Latn, role: old, files: [eng.txt] }
evaluation:
  languages:
    - { code: eng_Latn, role: new, files: [eng.txt] }
    - { code: fin_Latn, role: new, files: [eng.txt] }
    - { code: zho_Hans, role: old, files: [eng.txt] }
`);
    expect(problems).toEqual([
      "2 languages: has no language of role 'new': there is nothing to learn",
      "6 evaluation.languages[0].role: is 'new', but training calls 'eng_Latn' old",
      "7 evaluation.languages[1].role: is 'new', but 'fin_Latn' is not trained on",
    ]);
  });

  it('has canonical language codes, one for a language, and says what they stand for', async () => {
    const { config, notes } = await parseConfig(
      `base: base
languages:
  - { code: sw, role: new, files: [swh.txt] }
  - { code: EN-latn, role: old, files: [eng.txt] }
evaluation:
  languages:
    - { code: swh_Latn, role: new, files: [swh.txt] }
    - { code: is, role: unseen, files: [eng.txt] }
`,
      folder,
    );
    expect(config.languages.map(({ code }) => code)).toEqual(['swa_Latn', 'eng_Latn']);
    expect(config.evaluation!.languages.map(({ code }) => code)).toEqual(['swa_Latn', 'isl_Latn']);
    expect(notes).toEqual([
      "language 'sw' is 'swa_Latn' (Swahili)",
      "language 'EN-latn' is 'eng_Latn' (English)",
      "language 'is' is 'isl_Latn' (Icelandic)",
    ]);
  });

  it('refuses what is no language code, with what was meant, and one language twice', async () => {
    const one = (code: string): string =>
      `base: base\nlanguages:\n  - { code: '${code}', role: new, files: [swh.txt] }\n`;
    expect(await problemsOf(one('icelandic'))).toEqual([
      "3 languages[0].code: 'icelandic' is no language code: ISO 639 and a script, for example swh_Latn. Did you mean 'isl_Latn' (Icelandic)?",
    ]);
    expect((await problemsOf(one('Swahilli')))[0]).toMatch(/Did you mean 'swa_Latn' \(Swahili\)/);
    for (const code of ['../../x', 'a/b', '..', '', 'c:x']) {
      expect((await problemsOf(one(code)))[0]).toMatch(
        /languages\[0\].code: (is|'.*') (no language code|empty)/,
      );
    }
    for (const device of ['con', 'aux', 'nul']) {
      expect((await problemsOf(one(device)))[0]).toMatch(/has no script.*write for example/);
    }
    const twice = `${one('cmn-Hans')}  - { code: zh, role: old, files: [eng.txt] }\n`;
    expect(await problemsOf(twice)).toEqual(["4 languages[1].code: 'cmn_Hans' stands in entry 0 already"]);
  });

  it('of a run goes on with the codes and the text rules of that run', async () => {
    const before = `${good.replace('swh_Latn', 'con')}resolved: { schema: moect-resolved/1 }\n`;
    const { config } = await parseConfig(before, folder);
    expect(config.languages[0]!.code).toBe('con');
    expect(config.data).toMatchObject({ normalization: 'none', minHeldOut: 0 });
    // the same where its own configuration goes on with it
    await mkdir(join(folder, 'earlier'), { recursive: true });
    await writeFile(join(folder, 'earlier/resolved.json'), JSON.stringify({ data: {}, resolved: {} }));
    const again = `${good.replace('swh_Latn', 'con')}output: earlier\n`;
    const resumed = await parseConfig(again, folder, { resume: true });
    expect(resumed.config).toMatchObject({
      languages: [{ code: 'con' }, {}],
      data: { normalization: 'none', minHeldOut: 0 },
    });
    await expect(parseConfig(again, folder)).rejects.toThrow(/'con' has no script/);
    expect((await parseConfig(good, folder)).config.data).toMatchObject({
      normalization: 'NFC',
      minHeldOut: 1,
      invalidUtf8: 'error',
    });
  });

  it('knows its own folder, to which its paths are relative', async () => {
    await writeFile(join(folder, 'moect.yaml'), good);
    const source = await readConfig(join(folder, 'moect.yaml'));
    expect(source.folder).toBe(folder);
    expect(source.config).toMatchObject({ base: 'base', output: 'run', baseStorage: 'file' });
  });

  it('gets its defaults in one place', async () => {
    const { config } = await parseConfig(`${good}training: { steps: 7, seed: 3 }\n`, folder, {
      overrides: { training: { tokens: 500 }, output: 'x' },
    });
    // a length on the command line overrides that of the file
    // accumulation and recompute stay open: what fits into memory decides
    expect(config.training).toEqual({ tokens: 500, seed: 3, maxGradNorm: 1, weightDecay: 0 });
    expect(config).toMatchObject({ output: 'x', data: { textField: 'text' }, extension: { dtype: 'f32' } });
    expect(config.backend).toEqual({ name: 'auto' });
  });

  it('accepts a configuration that a program made', async () => {
    const config: MoectConfig = {
      base: 'base',
      languages: [{ code: 'swh_Latn', role: 'new', files: ['swh.txt'] }],
    };
    const source = await configFrom(config, folder);
    expect((await parseConfig(source.text, folder)).config).toEqual(configSchema.parse(config));
    await expect(configFrom({ ...config, base: 'nowhere' }, folder)).rejects.toThrow(
      /base: there is no folder/,
    );
  });
});

describe('the README', () => {
  it('shows a configuration that is one', async () => {
    const readme = await readFile(new URL('../../README.md', import.meta.url), 'utf8');
    const [, example] = /```yaml\n(.*?)```/s.exec(readme)!;
    for (const name of ['news.jsonl.gz', 'books.txt', 'english.jsonl'])
      await writeFile(join(folder, name), '');
    const { config } = await parseConfig(example!, folder);
    expect(config.data).toMatchObject({ format: 'blocks', textField: 'content' });
  });
});

describe('the preset of a run', () => {
  const onlyNew = good.split('\n').slice(0, 3).join('\n');

  it('is moe-ct with old text and the mixture without, and says why', async () => {
    const withOld = presetOf(await parseConfig(good, folder));
    expect(withOld.preset.name).toBe('moe-ct');
    expect(withOld.notes.join()).toMatch(/moe-ct: there is old-language text/);
    const without = presetOf(await parseConfig(onlyNew, folder));
    expect(without.preset.name).toBe('moe-ct-mixture');
    expect(without.notes.join()).toMatch(/no old-language text/);
  });

  it('is refused where it replays text that is not there, and where it is unknown', async () => {
    const wanting = await parseConfig(`${onlyNew}\npreset: moe-ct\n`, folder);
    expect(() => presetOf(wanting)).toThrow(/line 4: preset: 'moe-ct' replays 5 % old text/);
    const unknown = await parseConfig(`${good}preset: moe_ctt\n`, folder);
    expect(() => presetOf(unknown)).toThrow(
      /line 5: preset: There is no preset 'moe_ctt'.*Did you mean 'moe-ct'/,
    );
  });
});

describe('names', () => {
  it('are suggested when near and listed when not', () => {
    expect(didYouMean('learing_rate', ['learningRate', 'seed'])).toBe(" Did you mean 'learningRate'?");
    expect(didYouMean('zebra', ['learningRate', 'seed'])).toBe(' Known: learningRate, seed.');
  });

  it('of paths survive a round trip', () => {
    const path = ['languages', 0, 'files', 12];
    expect(parsePath(pathText(path))).toEqual(path);
  });
});
