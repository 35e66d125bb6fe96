import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
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
      `5 languages[0].files[1]: ${join(folder, 'base')} is a folder`,
      `5 languages[0].files[2]: ${join(folder, 'notes.md')} is neither .txt nor .jsonl (also with .gz); give data.format`,
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

  it('knows its own folder, to which its paths are relative', async () => {
    await writeFile(join(folder, 'moect.yaml'), good);
    const source = await readConfig(join(folder, 'moect.yaml'));
    expect(source.folder).toBe(folder);
    expect(source.config).toMatchObject({ base: 'base', output: 'run', baseStorage: 'file' });
  });

  it('gets its defaults in one place', async () => {
    const { config } = await parseConfig(`${good}training: { steps: 7, seed: 3 }\n`, folder, {
      overrides: { tokens: 500, output: 'x' },
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
