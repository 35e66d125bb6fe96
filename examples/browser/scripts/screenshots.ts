import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Page } from 'playwright-core';
import { findChromium, launchChromium } from '../../../test/support/chromium.ts';
import { buildPage } from './build.ts';
import { type Picture, palettePng } from './palette-png.ts';
import { servePage } from './serve.ts';

const images = path.resolve(import.meta.dirname, '../../../docs/images');
const SIZES = { wide: { width: 1200, height: 800 }, narrow: { width: 390, height: 800 } } as const;

/** Trains on the first sample with the settings as they are. */
async function train(page: Page): Promise<void> {
  await page.click('#start');
  await page.locator('#save:enabled').waitFor({ timeout: 600_000 });
}

/** The browser decodes its own screenshots. */
async function decode(page: Page, png: Buffer): Promise<Picture> {
  const { width, height, base64 } = await page.evaluate(async (source) => {
    const bitmap = await createImageBitmap(await (await fetch(`data:image/png;base64,${source}`)).blob());
    const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext('2d')!;
    context.drawImage(bitmap, 0, 0);
    const { data, width, height } = context.getImageData(0, 0, bitmap.width, bitmap.height);
    let text = '';
    for (let i = 0; i < data.length; i += 4096) text += String.fromCharCode(...data.subarray(i, i + 4096));
    return { width, height, base64: btoa(text) };
  }, png.toString('base64'));
  const rgba = Buffer.from(base64, 'base64');
  const pixels = Uint32Array.from({ length: width * height }, (_, i) => rgba.readUIntBE(4 * i, 3));
  return { width, height, pixels };
}

/** The trained page in every size and colour scheme. */
async function takeAll(page: Page): Promise<void> {
  for (const [size, viewport] of Object.entries(SIZES)) {
    await page.setViewportSize(viewport);
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      await page.mouse.move(0, 0);
      await page.evaluate(() => scrollTo(0, 0));
      const file = path.join(images, `browser-${size}-${colorScheme}.png`);
      const png = await page.screenshot({ fullPage: true, animations: 'disabled' });
      await writeFile(file, palettePng(await decode(page, png)));
      console.log(path.relative(process.cwd(), file));
    }
  }
}

const executable = findChromium();
if (executable === undefined) throw new Error('No chromium in PATH, and CHROMIUM names none.');
const folder = await mkdtemp(path.join(tmpdir(), 'moect-page-'));
await buildPage({ output: folder });
await mkdir(images, { recursive: true });
const server = await servePage(folder, { port: 0, isolated: true });
const browser = await launchChromium(executable);
try {
  const page = await browser.context.newPage();
  page.on('console', (message) => console.log(message.text()));
  page.on('pageerror', (error) => console.log(error));
  await page.setViewportSize(SIZES.wide);
  await page.goto(`${server.origin}/`);
  await page.locator('#sample option').first().waitFor({ state: 'attached' });
  await train(page);
  await takeAll(page);
} finally {
  await browser.close();
  await server.close();
  await rm(folder, { recursive: true });
}
