import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

it('stock layers learn the same on both backends', { timeout: 240_000 }, async () => {
  const flags = ['--conditions=@moect/source', '--import', 'tsx'];
  const program = path.join(import.meta.dirname, 'index.ts');
  const { stdout } = await promisify(execFile)('node', [...flags, program, '3']);
  const losses = [...stdout.matchAll(/^ +(\d+) +([\d.]+) +([\d.]+)$/gm)].map((row) =>
    row.slice(2).map(Number),
  );
  expect(losses).toHaveLength(3);
  // printed with three digits; float32 sums in another order
  for (const [stock, ours] of losses) expect(Math.abs(stock! - ours!)).toBeLessThan(0.002);
  expect(losses[2]![1]).toBeLessThan(losses[0]![1]!);
  expect(stdout).toMatch(/moect-wasm is [\d.]+ times as fast/);
});
