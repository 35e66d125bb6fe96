import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { citationsOf, headingNumbers, problemOf, root, textsUnder } from './citations.ts';

const FOLDERS = ['packages', 'examples', 'test', 'bench', 'docs', 'scripts'];
const files = ['README.md', ...FOLDERS.flatMap((folder) => [...textsUnder(folder)])].filter(
  // these two hold examples of citations
  (file) => !/^test\/docs\/citations\.(test\.)?ts$/.test(file),
);
const texts = new Map(files.map((file) => [file, readFileSync(path.join(root, file), 'utf8')]));

const citations = files.flatMap((file) => {
  const { found, unclear } = citationsOf(texts.get(file)!, file.startsWith('docs/'));
  return [{ file, found, unclear }];
});

describe('citations', () => {
  it('lead to files, sections and laws that exist', () => {
    const broken = citations.flatMap(({ file, found }) =>
      found.flatMap((citation) => problemOf(citation) ?? []).map((problem) => `${file}: ${problem}`),
    );
    expect(broken).toEqual([]);
  });

  it('say which file a section is of', () => {
    expect(citations.flatMap(({ file, unclear }) => unclear.map((text) => `${file}: ${text}`))).toEqual([]);
  });

  it('are found at all', () => {
    const all = citations.flatMap(({ found }) => found);
    expect(
      all.filter(({ file, number }) => file === 'docs/laws.md' && number !== null).length,
    ).toBeGreaterThan(30);
    expect(
      all.filter(({ file, number }) => file !== 'docs/laws.md' && number !== null).length,
    ).toBeGreaterThan(30);
  });

  it('are read across line ends, in lists, and not in look-alikes', () => {
    const text =
      '/**\n * As (docs/method.md\n * §2 and §3.1; law 4).\n */\n// laws 1, 3b and 10; by-laws of 1999';
    expect(citationsOf(text)).toEqual({
      found: [
        { file: 'docs/method.md', number: '2' },
        { file: 'docs/method.md', number: '3.1' },
        ...['4', '1', '3b', '10'].map((number) => ({ file: 'docs/laws.md', number })),
      ],
      unclear: [],
    });
    expect(citationsOf('the gate of method.md §1').unclear).toHaveLength(1);
    expect(citationsOf('see routing.md §4', true).found).toEqual([{ file: 'docs/routing.md', number: '4' }]);
    expect(problemOf({ file: 'docs/method.md', number: '99' })).toMatch(/no section 99/);
    expect(problemOf({ file: 'docs/nowhere.md', number: null })).toMatch(/does not exist/);
  });
});

describe('docs/laws.md', () => {
  const page = texts.get('docs/laws.md')!;
  const sections = page.split(/^## /m).slice(1);

  it('numbers the laws 1 to 10 with 3b', () => {
    const numbers = ['1', '2', '3', '3b', '4', '5', '6', '7', '8', '9', '10'];
    expect([...headingNumbers('docs/laws.md')]).toEqual(numbers);
  });

  it.each(sections.map((section) => [section.split('\n')[0]!, section] as const))(
    'law %s: every test that is named says so itself',
    (title, section) => {
      const [number] = title.split(' ');
      const tests = [...section.matchAll(/\]\(\.\.\/([^)]+\.test\.ts)\)/g)].map(([, file]) => file!);
      expect(tests.length).toBeGreaterThan(0);
      for (const file of tests) {
        expect(texts.has(file), `${file} exists`).toBe(true);
        const named = citationsOf(texts.get(file)!).found.map((citation) => citation.number);
        expect(named, `laws that ${file} names`).toContain(number);
      }
    },
  );
});
