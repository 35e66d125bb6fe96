export { Sha256, sha256Hex } from './hashing/sha256.ts';
export { batchTokens, type LanguageTokens } from './inspecting/batch-tokens.ts';
export { type DescribeOptions, describeBatch } from './inspecting/describe-batch.ts';
export { type Fertility, fertilityReport } from './inspecting/fertility.ts';
export { fileNameOf } from './languages/file-name.ts';
export { type CanonicalLanguage, canonicalLanguage, isSameLanguage } from './languages/language-code.ts';
export { languageByName, languageName, languageNames } from './languages/language-names.ts';
export { knownLanguage } from './languages/resolve-language.ts';
export { createBatchSource, type MixedBatchSource } from './mixing/batch-source.ts';
export type { BatchSourceOptions, MixedLanguage } from './mixing/mix-options.ts';
export { permutedIndex } from './mixing/permutation.ts';
export { type WeightedSamplerOptions, weightedSampler } from './mixing/samplers.ts';
export {
  normalizeWeights,
  temperatureWeights,
  uniMaxAllocation,
  uniMaxWeights,
} from './mixing/weights.ts';
export { createByteTokenizer } from './packing/byte-tokenizer.ts';
export {
  type DocumentFrame,
  documentFrame,
  PREFIX_TOKENS,
  type PrefixToken,
} from './packing/document-frame.ts';
export { documentBytes, type EncodedDocument, encodeDocument } from './packing/encode-document.ts';
export { type PackedSequences, type PackingOptions, packDocuments } from './packing/pack-documents.ts';
export { TextLosses } from './packing/text-losses.ts';
export {
  type TokenCache,
  tokenCacheFingerprint,
  tokenizeDocuments,
} from './packing/tokenize-documents.ts';
export type { ByteInput } from './reading/byte-stream.ts';
export { mapTexts, normalizeDocument, normalizeUnicode, unifyLineEnds } from './reading/clean-text.ts';
export { conversationText, parseMessages } from './reading/conversation.ts';
export {
  collectDocuments,
  corpusFromDocuments,
  corpusSource,
  namesLanguage,
  onlyLanguage,
  type ReadableCorpus,
} from './reading/corpus-source.ts';
export { describeReading } from './reading/describe-reading.ts';
export { type DocumentReader, readDocuments } from './reading/read-documents.ts';
export type { Normalization, ReadOptions, TextFormat } from './reading/read-options.ts';
export { createReadReport, type Place, type ReadReport } from './reading/read-report.ts';
export { formatFor } from './reading/text-formats.ts';
export { normalizeText } from './splitting/normalize-text.ts';
export {
  removeDuplicates,
  type SplitName,
  type SplitOptions,
  type SplitReport,
  type Splits,
  splitDocuments,
} from './splitting/split-documents.ts';
