import type * as frontDoor from 'moect/browser';

/** The functions that Node and browsers share. */
export type FrontDoor = Pick<typeof frontDoor, 'openBase' | 'train' | 'compare' | 'generate'>;

export interface RecipeResult {
  readonly worst: frontDoor.PacksComparison['worst'];
  readonly text: string;
}

/** The README's program, on texts in memory. @param place a folder, an address or, in a page, a GGUF file */
export async function recipe(
  { openBase, train, compare, generate }: FrontDoor,
  place: string | Blob,
  texts: Readonly<Record<string, readonly string[]>>,
): Promise<RecipeResult> {
  const base = await openBase(place as string);
  const pack = await train(base, {
    languages: { swh_Latn: texts['swahili']! },
    replay: { eng_Latn: texts['english']! },
    training: { steps: 12 },
  });
  const heldOut = { swh_Latn: texts['swahili-test']!, eng_Latn: texts['english-test']! };
  const { worst } = await compare(base, [pack], heldOut, { resamples: 100 });
  let text = '';
  for await (const piece of generate(base, { packs: [pack], prompt: 'Habari', maxNewTokens: 12 }))
    text += piece;
  pack.dispose();
  base.dispose();
  return { worst, text };
}
