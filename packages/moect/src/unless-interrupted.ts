/** The result, or null when the work threw because the signal was aborted. Other errors pass. */
export async function unlessInterrupted<T>(
  signal: AbortSignal | undefined,
  work: Promise<T>,
): Promise<T | null> {
  try {
    return await work;
  } catch (error) {
    if (signal?.aborted === true) return null;
    throw error;
  }
}
