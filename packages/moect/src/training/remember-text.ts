import type { PackedSequences } from '@moect/data';
import { type CountedDocument, countNgrams, type NgramTable } from '@moect/experts';
import type { PackedText } from './pack-text.ts';

/** Tokens of the longest context: longer ones are rare in text for which this pays. */
const CONTEXT = 3;
/** Share of a pack's room that the counts may take. */
const ROOM_SHARE = 0.2;

/** The documents of some sequences; one that goes on in the next sequence is one. */
function documentsOf({ tokens, targets, documentIds }: PackedSequences, places: number): CountedDocument[] {
  const documents: { readonly ids: number[]; readonly predicted: number[] }[] = [];
  for (let at = 0; at < places; at++) {
    if (documentIds[at] === -1) continue;
    const isNext = at > 0 && documentIds[at] === documentIds[at - 1];
    const goesOn = isNext && documents.at(-1)?.ids.at(-1) === tokens[at];
    if (!goesOn) documents.push({ ids: [tokens[at]!], predicted: [0] });
    const { ids, predicted } = documents.at(-1)!;
    const target = targets[at]!;
    const isLast = documentIds[at + 1] !== documentIds[at];
    if (target < 0 && isLast) continue;
    const following = target >= 0 ? target : tokens[at + 1]!;
    ids.push(following);
    predicted.push(target >= 0 ? 1 : 0);
  }
  return documents;
}

/**
 * Counts what followed what in the text of the new languages, at most as many sequences of it as the run trains on.
 * @param sequences new sequences that the run draws
 * @param room whole numbers and parameters of the pack; null: any number
 */
export function rememberText(
  { languages }: PackedText,
  { sequences, room }: { readonly sequences: number; readonly room: number | null },
): NgramTable {
  const fresh = languages.filter(({ role }) => role === 'new').map((language) => language.sequences);
  const all = fresh.reduce((sum, { count }) => sum + count, 0);
  const share = Math.min(1, sequences / all);
  const documents = fresh.flatMap((packed) =>
    documentsOf(packed, Math.ceil(share * packed.count) * packed.sequenceLength),
  );
  return countNgrams(documents, {
    contextLength: CONTEXT,
    maxNumbers: room === null ? Number.POSITIVE_INFINITY : Math.floor(ROOM_SHARE * room),
  });
}
