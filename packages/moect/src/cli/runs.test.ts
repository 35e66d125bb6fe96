import { existsSync, readFileSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openBase } from '../base/open-base.ts';
import { runHere, startProcess } from '../testing/run-cli.ts';
import { makeTinyWorld, type TinyWorld } from '../testing/tiny-world.ts';
import { train as trainHere } from '../training/train.ts';

let world: TinyWorld;
beforeAll(async () => {
  world = await makeTinyWorld();
});
afterAll(() => world.remove());

const PATIENCE = 300_000;

const given = (): string[] => {
  const { at } = world;
  return ['--base', at('base'), '--text', at('swh_Latn.txt'), '--replay', at('eng_Latn.txt')];
};
const train = (output: string, ...more: string[]): string[] => {
  return ['train', ...given(), '--output', world.at(output), ...more];
};
const read = async (...names: string[]): Promise<string> => readFile(world.at(...names), 'utf8');
const record = async (output: string) => JSON.parse(await read(output, 'resolved.json'));
const weights = (output: string): Promise<Buffer> =>
  readFile(world.at(output, 'extension/moect_model.safetensors'));

async function stepsLogged(output: string, count: number): Promise<void> {
  for (;;) {
    const events = world.at(output, 'events.jsonl');
    if (existsSync(events) && readFileSync(events, 'utf8').split('"event":"step"').length > count) return;
    await sleep(20);
  }
}

describe('a run that is interrupted', { timeout: PATIENCE }, () => {
  it.each(['SIGHUP', 'SIGUSR1'] as const)(
    'by %s saves its state and says what a second one costs',
    async (name) => {
      const running = startProcess(train(name, '--tokens', '60000'));
      await stepsLogged(name, 2);
      running.child.kill(name);
      const { code, stderr } = await running.finished;
      expect(stderr).toMatch(
        new RegExp(
          `${name}: stopping after the step at hand, then saving\\. Again: stop now and lose \\d+ steps? `,
        ),
      );
      expect(stderr).toMatch(/Interrupted after step \d+, state saved/);
      expect(code).toBe(130);
    },
  );

  it('goes on where run, base and texts were moved together, to the bytes of a run that was not', async () => {
    const { at } = world;
    await mkdir(at('here'));
    for (const name of ['base', 'swh_Latn.txt', 'eng_Latn.txt']) {
      await cp(at(name), at('here', name), { recursive: true });
    }
    const place = (folder: string): string[] => [
      ...['train', '--base', at(folder, 'base'), '--text', at(folder, 'swh_Latn.txt')],
      ...['--replay', at(folder, 'eng_Latn.txt'), '--output', at(folder, 'run'), '--tokens', '60000'],
    ];
    const running = startProcess(place('here'));
    await stepsLogged('here/run', 2);
    running.child.kill('SIGTERM');
    expect((await running.finished).code).toBe(130);
    expect(await record('here/run')).toMatchObject({ base: '../base', output: '.' });
    await rename(at('here'), at('there'));
    expect(await runHere(['train', '--output', at('there/run'), '--resume'])).toMatchObject({ code: 0 });
    expect(await runHere(train('unmoved', '--tokens', '60000'))).toMatchObject({ code: 0 });
    expect((await weights('there/run')).equals(await weights('unmoved'))).toBe(true);
  });

  it('finds base and texts where they were if it alone was moved, and else takes them from flags', async () => {
    const { at } = world;
    const elsewhere = await mkdtemp(join(tmpdir(), 'moect-moved-'));
    try {
      expect((await runHere(train('alone', '--tokens', '4096'))).code).toBe(0);
      await rename(at('alone'), join(elsewhere, 'alone'));
      const resume = ['train', '--output', join(elsewhere, 'alone'), '--resume'];
      expect(await runHere(resume)).toMatchObject({ code: 0 });
      await rename(at('base'), at('base-2'));
      const lost = await runHere(resume);
      expect(lost).toMatchObject({
        code: 65,
        stderr: expect.stringMatching(/there is no folder .*--base FOLDER/s),
      });
      const found = await runHere([...resume, '--base', at('base-2')]);
      expect(found.stderr).not.toMatch(/problem/);
      expect(found.code).toBe(0);
      const other = await runHere([...resume, '--base', at('other')]);
      expect(other).toMatchObject({ code: 65, stderr: expect.stringMatching(/sha256/) });
      const text = await runHere([
        ...resume,
        '--base',
        at('base-2'),
        '--text',
        `swh_Latn=${at('rus_Cyrl.txt')}`,
      ]);
      expect(text).toMatchObject({ code: 65, stderr: expect.stringMatching(/data fingerprint/) });
    } finally {
      await rename(at('base-2'), at('base'));
      await rm(elsewhere, { recursive: true });
    }
  });

  it('of a program with texts from memory says what to give', async () => {
    const base = await openBase(world.at('base'));
    const languages = { swh_Latn: await read('swh_Latn.txt') };
    const pack = await trainHere(base, { languages, output: world.at('memory'), training: { tokens: 2048 } });
    pack.dispose();
    base.dispose();
    const resume = ['train', '--output', world.at('memory'), '--resume'];
    const { code, stderr } = await runHere(resume);
    expect(stderr).toMatch(/A program made this run with texts from memory: .*--text CODE=FILE/s);
    expect(code).toBe(65);
    expect(await runHere([...resume, '--text', world.at('swh_Latn.txt')])).toMatchObject({ code: 0 });
  });
});

describe("a run's own record", { timeout: PATIENCE }, () => {
  it('config.yaml repeats the run, bit for bit, with its comments and what flags changed', async () => {
    const language = '{ code: swh_Latn, role: new, files: [swh_Latn.txt] }';
    const text = `base: base # the small one\nlanguages:\n  - ${language}\ntraining: { epochs: 1, seed: 3 }\n`;
    await writeFile(world.at('mine.yaml'), text);
    const first = ['train', world.at('mine.yaml'), '--output', world.at('first'), '--tokens', '4096'];
    expect((await runHere(first)).code).toBe(0);
    const kept = await read('first/config.yaml');
    expect(kept).toMatch(/base: \.\.\/base # the small one/);
    expect(kept).toMatch(/tokens: 4096/);
    const again = ['train', world.at('first/config.yaml'), '--output', world.at('second')];
    expect(await runHere(again)).toMatchObject({ code: 0 });
    expect((await weights('second')).equals(await weights('first'))).toBe(true);
    const there = await runHere(['train', world.at('first/config.yaml')]);
    expect(there.stderr).toMatch(/holds a run that has reached step \d+\. Add --resume/);
  });

  it('keeps the backend of the file when --threads is given, also when it goes on', async () => {
    const language = '{ code: swh_Latn, role: new, files: [swh_Latn.txt] }';
    await writeFile(
      world.at('cpu.yaml'),
      `base: base\noutput: cpu\nbackend: { name: cpu }\npreset: lora-ct\nreplay: { share: 0 }\ntraining: { steps: 2 }\nlanguages:\n  - ${language}\n`,
    );
    expect((await runHere(['train', world.at('cpu.yaml'), '--threads', '1'])).code).toBe(0);
    expect((await record('cpu')).backend).toEqual({ name: 'cpu', threads: 1 });
    const resumed = await runHere(['train', '--output', world.at('cpu'), '--resume', '--threads', '1']);
    expect(resumed).toMatchObject({ code: 0, stderr: expect.stringMatching(/backend: .*JavaScript/) });
    await runHere([
      'eval',
      '--base',
      world.at('base'),
      '--text',
      world.at('swh_Latn.txt'),
      '--backend',
      'wasm',
    ]);
  });

  it('takes single settings from flags of their own', async () => {
    const flags = ['--layers', 'top:2', '--expert-size', '8', '--sequence-length', '32', '--batch-size', '2'];
    const trained = await runHere(train('flags', '--tokens', '2048', ...flags, '--accumulation', '2'));
    expect(trained.stderr).not.toMatch(/problem/);
    expect(await record('flags')).toMatchObject({
      method: { layers: { top: 2 }, expert: { size: 8 } },
      data: { sequenceLength: 32 },
      training: { batchSize: 2, accumulation: 2, steps: 16 },
    });
    expect((await runHere(['train', '--layers', 'top'])).stderr).toMatch(/must be all, top:4, every:2/);
  });
});

describe('the best weights', { timeout: PATIENCE }, () => {
  it('of a run that learns too much of too little text are not the last, unless those are asked for', async () => {
    const few = (await read('swh_Latn.txt')).split('\n').slice(0, 20).join('\n');
    await writeFile(world.at('few.txt'), few);
    const settings = (keep: string): string =>
      `base: base\npreset: ct\noutput: few-${keep}\ndata: { heldOut: 0.3 }\n` +
      `training: { epochs: 60, evaluateEvery: 5, learningRate: 0.05, keep: ${keep} }\n` +
      'languages: [{ code: swh_Latn, role: new, files: [few.txt] }]\n';
    const after: number[] = [];
    for (const keep of ['best', 'last']) {
      await writeFile(world.at(`few-${keep}.yaml`), settings(keep));
      const { code, stdout, stderr } = await runHere(['train', world.at(`few-${keep}.yaml`), '--json']);
      expect(code).toBe(0);
      after.push(JSON.parse(stdout).heldOut[0].after);
      const all = [...stderr.matchAll(/evaluation {2}bpb_swh_Latn ([\d.]+)/g)].map(([, value]) =>
        Number(value),
      );
      expect(all.length).toBeGreaterThan(4);
      const wanted = keep === 'best' ? Math.min(...all) : all.at(-1)!;
      expect(Math.abs(after.at(-1)! - wanted)).toBeLessThan(1e-3);
    }
    expect(after[0]).toBeLessThan(after[1]!);
    const { training } = JSON.parse(await read('few-best/extension/moect_config.json'));
    expect(training.keptStep).toBeLessThan(training.steps);
    // the folder has the weights that were measured
    const evaluated = await runHere([
      ...['eval', '--base', world.at('base'), '--extension', world.at('few-best/extension'), '--json'],
      ...['--text', world.at('few-best/held-out/swh_Latn.jsonl')],
    ]);
    expect(JSON.parse(evaluated.stdout).languages[0].bitsPerByte).toBeCloseTo(after[0]!, 9);
  });
});

describe('before any work is done', { timeout: PATIENCE }, () => {
  it('an output is refused that is a model, an extension, a file, or holds what a run would overwrite', async () => {
    const { at } = world;
    expect((await runHere(train('out', '--tokens', '2048'))).code).toBe(0);
    await mkdir(at('mine'));
    await writeFile(at('mine/config.yaml'), 'mine');
    await writeFile(at('file'), '');
    const before = await readdir(at('base'));
    for (const [output, message] of [
      ['base', /is the folder of a model/],
      ['out/extension', /is the folder of an extension/],
      ['file', /file is a file/],
      ['file/below', /file is a file/],
      ['mine', /would overwrite its config\.yaml/],
    ] as const) {
      const { code, stderr } = await runHere(train(output));
      expect(stderr).toMatch(message);
      expect(stderr).not.toMatch(/backend:/);
      expect(code).toBe(65);
    }
    expect(await readdir(at('base'))).toEqual(before);
  });

  it('so is the place of a report', async () => {
    const { at } = world;
    const compare = ['compare', '--base', at('base'), '--extension', at('out/extension')];
    const texts = ['--text', at('eng_Latn.txt'), at('swh_Latn.txt'), '--resamples', '20'];
    await mkdir(at('theirs'));
    await writeFile(at('theirs/report.json'), '{"mine": true}');
    for (const [output, message] of [
      ['file', /file is a file/],
      ['theirs', /has a report\.json that moect did not write/],
    ] as const) {
      const { code, stderr } = await runHere([...compare, ...texts, '--output', at(output)]);
      expect(stderr).toMatch(message);
      expect(stderr).not.toMatch(/scoring/);
      expect(code).toBe(65);
    }
    expect(await read('theirs/report.json')).toBe('{"mine": true}');
    for (let time = 0; time < 2; time++) {
      expect((await runHere([...compare, ...texts, '--output', at('report')])).code).toBe(0);
    }
  });

  it('a bound on forgetting is refused that these texts cannot show', async () => {
    const { at } = world;
    await writeFile(at('one.txt'), 'hello world people\n');
    const compare = [
      'compare',
      '--base',
      at('base'),
      '--extension',
      at('out/extension'),
      '--output',
      at('bound'),
    ];
    const bound = ['--max-forgetting', '17%'];
    for (const [flags, message] of [
      [[...bound, '--text', at('swh_Latn.txt')], /eng_Latn, which out replayed, would not be measured/],
      [[...bound, '--text', at('rus_Cyrl.txt'), '--old', 'rus_Cyrl'], /eng_Latn, which out replayed/],
      [[...bound, '--text', `eng_Latn=${at('one.txt')}`], /eng_Latn is one document: it has no interval/],
      [
        ['--text', at('eng_Latn.txt'), '--old', 'enm_Latn'],
        /no text is in 'enm_Latn'\. Did you mean 'eng_Latn'\?/,
      ],
    ] as const) {
      const { code, stderr } = await runHere([...compare, ...flags]);
      expect(stderr).toMatch(message);
      expect(stderr).not.toMatch(/scoring/);
      expect(code).toBe(65);
    }
    const one = await runHere([...compare, '--resamples', '20', '--text', `eng_Latn=${at('one.txt')}`]);
    expect(one).toMatchObject({ code: 0, stdout: expect.stringMatching(/eng_Latn .*one document/) });
  });
});
