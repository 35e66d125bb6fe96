import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runHere, startProcess } from '../testing/run-cli.ts';
import { makeTinyWorld, type TinyWorld } from '../testing/tiny-world.ts';

let world: TinyWorld;
beforeAll(async () => {
  world = await makeTinyWorld();
});
afterAll(() => world.remove());

const PATIENCE = 300_000;

const train = (output: string, ...more: string[]): string[] => {
  const { at } = world;
  const texts = ['--text', at('swh_Latn.txt'), '--replay', at('eng_Latn.txt')];
  return ['train', '--base', at('base'), ...texts, '--output', at(output), ...more];
};

/** Waits until a run has logged `count` steps. */
async function stepsLogged(output: string, count: number): Promise<void> {
  for (;;) {
    try {
      const events = readFileSync(world.at(output, 'events.jsonl'), 'utf8');
      if (events.split('"event":"step"').length > count) return;
    } catch {
      // not started yet
    }
    await sleep(20);
  }
}

describe('train', { timeout: PATIENCE }, () => {
  it('leaves a run with everything in it, and says what it chose', async () => {
    const { code, stdout, stderr } = await runHere(train('run', '--tokens', '12000'));
    expect(stderr).toMatch(/note: preset moe-ct: there is old-language text/);
    expect(stderr).toMatch(/base: base, 8,048 parameters, frozen/);
    expect(stdout).toMatch(/swh_Latn +new +\d\.\d{4} +\d\.\d{4} +-\d+\.\d\d %/);
    expect(code).toBe(0);
    const config = await readFile(world.at('run/config.yaml'), 'utf8');
    expect(config).toContain('code: swh_Latn');
    const resolved = JSON.parse(await readFile(world.at('run/resolved.json'), 'utf8'));
    expect(resolved).toMatchObject({
      preset: 'moe-ct',
      replay: { share: 0.25 },
      data: { sequenceLength: 64 },
      training: { steps: 63, batchSize: 3, learningRate: 0.004 },
      resolved: { base: { id: 'base', sha256: expect.stringMatching(/^[0-9a-f]{64}$/) } },
    });
    const heldOut = (await readFile(world.at('run/held-out/swh_Latn.jsonl'), 'utf8')).trim().split('\n');
    expect(JSON.parse(heldOut[0]!)).toMatchObject({ language: 'swh_Latn' });
    const { training } = JSON.parse(await readFile(world.at('run/extension/moect_config.json'), 'utf8'));
    const tokens = training.languages.map((l: { trainedTokens: number }) => l.trainedTokens);
    expect(tokens[0] + tokens[1]).toBe(training.tokens);
  });

  it('repeats a run from its resolved.json, bit for bit', async () => {
    const again = ['train', world.at('run/resolved.json'), '--output', world.at('again')];
    expect((await runHere(again)).code).toBe(0);
    const file = 'extension/moect_model.safetensors';
    const [a, b] = [await readFile(world.at('run', file)), await readFile(world.at('again', file))];
    expect(a.equals(b)).toBe(true);
  });

  it('interrupted and resumed, gives the bytes of a run that was not', async () => {
    const length = ['--tokens', '60000'];
    expect((await runHere(train('whole', ...length))).code).toBe(0);
    const running = startProcess(train('broken', ...length));
    await stepsLogged('broken', 2);
    running.child.kill('SIGINT');
    const interrupted = await running.finished;
    expect(interrupted.stderr).toMatch(/Interrupted after step \d+, state saved/);
    expect(interrupted.code).toBe(130);
    const resumed = await runHere(['train', '--output', world.at('broken'), '--resume']);
    expect(resumed.stderr).toMatch(/resumed after step/);
    expect(resumed.code).toBe(0);
    // the record stays that of the first start
    expect(await readFile(world.at('broken/config.yaml'), 'utf8')).toContain('tokens: 60000');
    for (const file of ['moect_model.safetensors', 'moect_config.json']) {
      const whole = await readFile(world.at('whole/extension', file));
      const broken = await readFile(world.at('broken/extension', file));
      expect(whole.equals(broken), file).toBe(true);
    }
  });

  it('refuses a folder that holds a run, and resuming where there is none', async () => {
    const again = await runHere(train('run'));
    expect(again.stderr).toMatch(/holds a run that has reached step 63\. Add --resume/);
    expect(again.code).toBe(65);
    const none = await runHere(['train', '--resume', '--output', world.at('nothing')]);
    expect(none.stderr).toMatch(/holds no run/);
    expect(none.code).toBe(65);
  });
});

describe('eval, compare and generate', { timeout: PATIENCE }, () => {
  const pack = (): string[] => ['--base', world.at('base'), '--extension', world.at('run/extension')];
  const texts = (): string[] => ['--text', world.at('swh_Latn.txt'), world.at('eng_Latn.txt')];

  it('agree with each other', async () => {
    const evaluated = await runHere(['eval', ...pack(), '--json', ...texts()]);
    expect(evaluated.code).toBe(0);
    const { languages } = JSON.parse(evaluated.stdout) as { languages: Record<string, unknown>[] };
    expect(languages.map(({ language, role }) => [language, role])).toEqual([
      ['swh_Latn', 'new'],
      ['eng_Latn', 'old'],
    ]);
    const into = ['--output', world.at('cmp'), '--resamples', '100'];
    const compared = await runHere(['compare', ...pack(), ...into, ...texts()]);
    expect(compared.stdout).toMatch(/run +swh_Latn +new/);
    expect(compared.code).toBe(0);
    const report = JSON.parse(await readFile(world.at('cmp/report.json'), 'utf8'));
    expect(report.methods[0]).toMatchObject({ name: 'moe-ct', label: 'run', seed: 0, replayShare: 0.25 });
    expect(report.methods[0].bitsPerByte.swh_Latn.after).toBeCloseTo(
      languages[0]!['bitsPerByte'] as number,
      12,
    );
    expect(Object.keys(report.methods[0].gates)).toHaveLength(2);
    expect(report.base.sha256After).toBe(report.base.sha256Before);
    expect(await readFile(world.at('cmp/report.html'), 'utf8')).toMatch(/<html/);
  });

  it('a known old language is the base to the last bit; the mixture keeps its bound', async () => {
    const base = await runHere(['eval', '--base', world.at('base'), '--json', ...texts()]);
    const known = await runHere(['eval', ...pack(), '--combine', 'known', '--json', ...texts()]);
    const english = (text: string): unknown => JSON.parse(text).languages[1].bitsPerByte;
    expect(english(known.stdout)).toBe(english(base.stdout));
    const into = ['--output', world.at('cmp-mix'), '--combine', 'mixture', '--resamples', '20', '--json'];
    const mixed = JSON.parse((await runHere(['compare', ...pack(), ...into, ...texts()])).stdout);
    expect(mixed.methods[0].mixtureBound.bound).toBe(1);
    expect(mixed.methods[0].mixtureBound.worst).toBeLessThanOrEqual(1);
  });

  it('a gate with p always above the threshold is the base to the last bit, and what has no gate is refused', async () => {
    const bitsPerByte = async (...flags: string[]): Promise<number> => {
      const { stdout } = await runHere(['eval', ...pack(), ...flags, '--json', ...texts()]);
      return JSON.parse(stdout).languages[1].bitsPerByte;
    };
    const base = JSON.parse(
      (await runHere(['eval', '--base', world.at('base'), '--json', ...texts()])).stdout,
    );
    const wanted = base.languages[1].bitsPerByte as number;
    // the preset's own threshold; p is always above a millionth
    expect(await bitsPerByte('--gate-threshold', '0.2')).toBe(await bitsPerByte());
    expect(await bitsPerByte()).not.toBe(wanted);
    expect(await bitsPerByte('--gate-threshold', '0.000001')).toBe(wanted);
    const flags = [
      '--base',
      world.at('base'),
      '--text',
      world.at('swh_Latn.txt'),
      '--output',
      world.at('full'),
    ];
    const trained = await runHere(['train', ...flags, '--preset', 'ct', '--tokens', '2048']);
    expect(trained.code).toBe(0);
    const ct = [
      '--base',
      world.at('base'),
      '--extension',
      world.at('full/extension'),
      '--gate-threshold',
      '0.5',
    ];
    expect((await runHere(['eval', ...ct, ...texts()])).stderr).toMatch(/needs a gate with a threshold/);
  });

  it('generate streams the same text for the same seed, with every combination', async () => {
    const { at } = world;
    const more = ['--prompt', 'habari ', '--max-new-tokens', '9', '--temperature', '1', '--seed', '3'];
    for (const combine of ['gate', 'mixture', 'known']) {
      const args = ['generate', ...pack(), ...more, '--combine', combine, '--language', 'swh_Latn'];
      const [one, two] = [await runHere(args), await runHere(args)];
      expect(one).toMatchObject({ code: 0, stdout: expect.stringMatching(/^habari /) });
      expect(two.stdout).toBe(one.stdout);
    }
    const wanting = ['generate', ...pack(), ...more, '--combine', 'known'];
    expect((await runHere(wanting)).stderr).toMatch(/language: is needed by 'known'/);
    const long = ['generate', '--base', at('base'), '--prompt', 'x', '--max-new-tokens', '64'];
    expect((await runHere(long)).stderr).toMatch(/the base's context is 64/);
  });

  it('refuse an extension of another base, and two gates at once', async () => {
    const extension = ['--extension', world.at('run/extension')];
    const foreign = await runHere(['eval', '--base', world.at('other'), ...extension, ...texts()]);
    expect(foreign.stderr).toMatch(/made for base 'base' \(sha256 [0-9a-f]{12}…\)/);
    expect(foreign.code).toBe(65);
    const two = await runHere(['eval', ...pack(), ...extension, '--combine', 'gate', ...texts()]);
    expect(two.stderr).toMatch(/'gate' takes one extension, given 2/);
    expect(two.code).toBe(65);
  });
});
