import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { lockRun } from '@moect/trainer/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runHere, runProcess } from '../testing/run-cli.ts';
import { makeTinyWorld, type TinyWorld } from '../testing/tiny-world.ts';

let world: TinyWorld;
beforeAll(async () => {
  world = await makeTinyWorld();
});
afterAll(() => world.remove());

// a process takes many seconds to start on a busy machine
const PATIENCE = 120_000;

const train = (output: string, ...more: string[]): string[] => {
  const { at } = world;
  return ['train', '--base', at('base'), '--text', at('swh_Latn.txt'), '--output', at(output), ...more];
};

/** The test of resuming covers 130, interrupted. */
describe('each exit code of a real process', { timeout: PATIENCE }, () => {
  it('0', async () => {
    const version = await runProcess(['--version']);
    expect(version).toMatchObject({ code: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) });
  });

  it('1 where more was forgotten than allowed', async () => {
    // full continual training without replay
    expect((await runHere(train('ct', '--preset', 'ct', '--tokens', '60000'))).code).toBe(0);
    const { at } = world;
    const pack = ['--base', at('base'), '--extension', at('ct/extension'), '--output', at('cmp')];
    const bound = ['--old', 'rus_Cyrl', '--max-forgetting', '0.5%', '--resamples', '50'];
    const compared = await runProcess(['compare', ...pack, ...bound, '--text', at('rus_Cyrl.txt')]);
    expect(compared.stdout).toMatch(/ct: old languages at worst \+\d.*NOT kept within \+0\.50 %/);
    expect(compared.code).toBe(1);
  });

  it('64 for an unknown option', async () => {
    const { code, stderr } = await runProcess(['train', '--bas', 'x']);
    expect(stderr).toMatch(/Did you mean --base/);
    expect(code).toBe(64);
  });

  it('65 for a configuration with problems: all of them, with lines, without a stack', async () => {
    const file = world.at('bad.yaml');
    const language = '{ code: swh_Latn, role: new, files: [gone.txt] }';
    await writeFile(file, `base: nowhere\nlanguages:\n  - ${language}\npresett: moe-ct\n`);
    const { code, stderr } = await runProcess(['train', file]);
    expect(stderr).toContain(`moect: ${file} has 3 problem(s):`);
    expect(stderr).toMatch(/line 1: base: there is no folder .*nowhere/);
    expect(stderr).toMatch(/line 3: languages\[0\]\.files\[0\]: there is no file .*gone\.txt/);
    expect(stderr).toMatch(/line 4: presett: is no known key\. Did you mean 'preset'\?/);
    expect(stderr).not.toMatch(/\n\s+at /);
    expect(code).toBe(65);
  });

  it('69 where WebAssembly does not start', async () => {
    const args = ['generate', '--base', world.at('base'), '--backend', 'wasm', '--prompt', 'x'];
    const { code, stderr } = await runProcess(args, 'WebAssembly.validate = () => false');
    expect(stderr).toMatch(/Backend 'wasm' cannot be used/);
    expect(stderr).toMatch(/--backend cpu/);
    expect(code).toBe(69);
  });

  it('70 for a fault of our own, with a stack when asked for', async () => {
    const fault = `Math.cos = () => { throw new TypeError('boom'); }`;
    const { code, stderr } = await runProcess(train('fault', '--tokens', '500', '--verbose'), fault);
    expect(stderr).toMatch(/Internal error: boom/);
    expect(stderr).toMatch(/\n\s+at /);
    expect(code).toBe(70);
  });

  it('75 for a run that another process holds', async () => {
    const lock = await lockRun(world.at('held'));
    try {
      const { code, stderr } = await runProcess(train('held', '--tokens', '5000'));
      expect(stderr).toMatch(/process \d+ on .* trains here/);
      expect(code).toBe(75);
    } finally {
      await lock.release();
    }
  });
});

describe('a wrong command line ends with 64 and says what would be right', () => {
  it.each<[string, string[], RegExp]>([
    ['a bad number', ['train', '--tokens', '1.5'], /whole number above 0/],
    ['nothing to do', ['train'], /Nothing to train on\./],
    ['text without a language', ['eval', '--base', 'b', '--text', 'some.txt'], /Write --text CODE=some\.txt/],
    ['flags beside a file', ['train', 'a.yaml', '--text', 'x'], /--text cannot stand beside a configuration/],
    ['no extension', ['compare', '--base', 'b', '--text', 'swh=x.txt'], /Give one or more --extension/],
    ['a bound without its sign', ['compare', '--max-forgetting', '0.5'], /a percentage such as '0\.5%'/],
    ['an unknown command', ['trian'], /Did you mean train/],
    ['no command', [], /Usage: moect/],
  ])('%s', async (_what, args, message) => {
    const { code, stderr } = await runHere(args);
    expect(stderr).toMatch(message);
    expect(code).toBe(64);
  });

  it('while help teaches with examples and ends with 0', async () => {
    for (const command of ['doctor', 'train', 'eval', 'compare', 'generate']) {
      const { code, stdout } = await runHere([command, '--help']);
      expect(stdout).toContain(`$ moect ${command}`);
      expect(code).toBe(0);
    }
  });
});

describe('bad data ends with 65 and names the place', { timeout: PATIENCE }, () => {
  it('a method setting that is wrong, at its line', async () => {
    const file = world.at('method.yaml');
    const language = '{ code: swh_Latn, role: new, files: [swh_Latn.txt] }';
    await writeFile(file, `base: base\nmethod:\n  topK: 2\n  numExpert: 4\nlanguages:\n  - ${language}\n`);
    const { code, stderr } = await runHere(['train', file]);
    expect(stderr).toMatch(/line 4: method\.numExpert: is not known/);
    expect(code).toBe(65);
  });

  it('text that is no UTF-8', async () => {
    const bytes = Buffer.concat([Buffer.from('habari\n'), Buffer.from([0xff, 0xfe, 0x0a])]);
    await writeFile(world.at('broken.txt'), bytes);
    const text = `swh_Latn=${world.at('broken.txt')}`;
    const { code, stderr } = await runHere(['train', '--base', world.at('base'), '--text', text]);
    expect(stderr).toMatch(/broken\.txt.*line 2/s);
    expect(code).toBe(65);
  });

  it('weights that are not finite', async () => {
    const { at } = world;
    await mkdir(at('nan'));
    for (const file of ['config.json', 'tokenizer.json', 'tokenizer_config.json', 'model.safetensors']) {
      const bytes = await readFile(at('base', file));
      // the last weights of the file become NaN
      if (file === 'model.safetensors') bytes.fill(0xff, bytes.length - 64);
      await writeFile(at('nan', file), bytes);
    }
    const { code, stderr } = await runHere(['eval', '--base', at('nan'), '--text', at('swh_Latn.txt')]);
    expect(stderr).toMatch(/NaN|finite/);
    expect(code).toBe(65);
  });

  it('a run that diverges, with its last good step saved', async () => {
    const file = world.at('diverge.yaml');
    const language = '{ code: swh_Latn, role: new, files: [swh_Latn.txt] }';
    const training = '{ steps: 30, learningRate: 1.0e+30, warmup: 0, checkpointEvery: 1 }';
    const text = `base: base\npreset: ct\noutput: diverged\ntraining: ${training}\nlanguages:\n  - ${language}\n`;
    await writeFile(file, text);
    const { code, stderr } = await runHere(['train', file]);
    expect(stderr).toMatch(/not finite/);
    expect(code).toBe(65);
  });

  it('a base without a tokenizer, a folder that is none', async () => {
    const { at } = world;
    await mkdir(at('mute'));
    for (const file of ['config.json', 'model.safetensors']) {
      await writeFile(at('mute', file), await readFile(at('base', file)));
    }
    const mute = await runHere(['eval', '--base', at('mute'), '--text', at('swh_Latn.txt')]);
    expect(mute.stderr).toMatch(/has no tokenizer\.json/);
    const none = await runHere(['eval', '--base', at('gone'), '--text', at('swh_Latn.txt')]);
    expect(none.stderr).toMatch(/gone/);
    expect([mute.code, none.code]).toEqual([65, 65]);
  });
});
