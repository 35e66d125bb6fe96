import { describe, expect, it } from 'vitest';
import { fileNameOf } from './file-name.ts';
import { canonicalLanguage, isSameLanguage } from './language-code.ts';
import { languageByName, languageName } from './language-names.ts';
import { knownLanguage } from './resolve-language.ts';

const codeOf = (given: string): string => {
  const found = canonicalLanguage(given);
  return 'code' in found ? found.code : found.problem;
};

describe('canonicalLanguage', () => {
  it.each([
    ['is', 'isl_Latn'],
    ['isl', 'isl_Latn'],
    ['ice', 'isl_Latn'],
    ['ISL-latn', 'isl_Latn'],
    ['swh', 'swh_Latn'],
    ['swh_Latn', 'swh_Latn'],
    ['sw', 'swa_Latn'],
    ['sw-KE', 'swa_Latn_KE'],
    ['quz', 'quz_Latn'],
    ['zh', 'zho_Hans'],
    ['zh-TW', 'zho_Hant_TW'],
    ['zho_Hant', 'zho_Hant'],
    ['cmn_Hani', 'cmn_Hani'],
    ['sr', 'srp_Cyrl'],
    ['sr-Latn', 'srp_Latn'],
    ['sh', 'hbs_Latn'],
    ['iw', 'heb_Hebr'],
    ['no', 'nor_Latn'],
    ['ger', 'deu_Latn'],
    ['cat_Latn_vale1252', 'cat_Latn_vale1252'],
    ['con_Latn', 'con_Latn'],
    ['qaa-Latn', 'qaa_Latn'],
    ['und', 'und'],
  ])('%s is %s', (given, code) => {
    expect(codeOf(given)).toBe(code);
    // canonical codes are canonical
    expect(codeOf(code)).toBe(code);
  });

  it.each([
    ['icelandic', /is no language code/],
    ['../../x', /is no language code/],
    ['', /is no language code/],
    ['xx', /no code of ISO 639/],
    ['con', /has no script, .*con_Latn/],
    ['qaa', /local use.*qaa_Latn/],
  ])('%s is refused', (given, problem) => {
    expect(codeOf(given)).toMatch(problem);
  });
});

describe('isSameLanguage', () => {
  it.each([
    ['swh', 'swh_Latn'],
    ['sw', 'swh_Latn'],
    ['swa_Latn', 'swh_Latn'],
    ['sw-KE', 'swh_Latn'],
    ['cmn_Hani', 'zho_Hans'],
    ['cmn', 'zho_Hant'],
    ['srp', 'srp_Latn'],
    ['ekk_Latn', 'est_Latn'],
    ['EN-us', 'eng_Latn'],
    ['und', 'isl_Latn'],
  ])('%s may be %s', (a, b) => {
    expect(isSameLanguage(a, b)).toBe(true);
    expect(isSameLanguage(b, a)).toBe(true);
  });

  it.each([
    ['eng', 'swh_Latn'],
    ['srp_Cyrl', 'srp_Latn'],
    ['sh', 'srp_Cyrl'],
    ['quz', 'quy'],
    ['zho_Hans', 'zho_Hant'],
    ['por_Latn_BR', 'por_Latn_PT'],
    ['nob', 'nno'],
    ['English!', 'eng_Latn'],
  ])('%s is not %s', (a, b) => {
    expect(isSameLanguage(a, b)).toBe(false);
  });
});

describe('knownLanguage', () => {
  it('finds aliases among codes, whatever form those have', () => {
    expect(knownLanguage('sw', ['eng_Latn', 'swh_Latn'])).toBe('swh_Latn');
    expect(knownLanguage('eng_latn', ['eng_Latn'])).toBe('eng_Latn');
    expect(knownLanguage('isl_Latn', ['is'])).toBe('is');
    expect(knownLanguage('my own', ['my own'])).toBe('my own');
    expect(knownLanguage('en-US', ['eng_Latn'])).toBe('eng_Latn');
  });

  it('takes the usual script for granted, and chooses none of several', () => {
    expect(knownLanguage('sr', ['srp_Latn'])).toBeNull();
    expect(knownLanguage('sr', ['srp_Latn', 'srp_Cyrl'])).toBe('srp_Cyrl');
    expect(knownLanguage('por', ['por_Latn_BR', 'por_Latn_PT'])).toBeNull();
    expect(knownLanguage('fra', ['eng_Latn'])).toBeNull();
  });
});

describe('names', () => {
  it('go both ways', () => {
    expect(languageName('isl_Latn')).toBe('Icelandic');
    expect(languageName('qaa_Latn')).toBeNull();
    expect(languageByName('icelandic')).toBe('isl_Latn');
    expect(languageByName('Norwegian Bokmal')).toBe('nob_Latn');
    expect(languageByName('Klingonese')).toBeNull();
  });
});

describe('fileNameOf', () => {
  it('keeps codes, and keeps everything else in its folder', () => {
    expect(fileNameOf('swh_Latn')).toBe('swh_Latn');
    expect(fileNameOf('../../x')).toBe('%2E%2E%2F%2E%2E%2Fx');
    expect(fileNameOf('a:b\\c')).toBe('a%3Ab%5Cc');
    expect(['con', 'AUX', 'nul', 'com1', 'console'].map(fileNameOf)).toEqual([
      'con_',
      'AUX_',
      'nul_',
      'com1_',
      'console',
    ]);
  });
});
