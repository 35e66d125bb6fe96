/** An element of the page that must be there. */
export function element<T extends Element = HTMLElement>(id: string): T {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`index.html has no element '${id}'`);
  return found as unknown as T;
}

export const input = (id: string): HTMLInputElement => element<HTMLInputElement>(id);
export const button = (id: string): HTMLButtonElement => element<HTMLButtonElement>(id);

export function setText(id: string, text: string): void {
  element(id).textContent = text;
}

/** The number in a field, or null where it is empty. */
export function numberIn(id: string): number | null {
  const { value } = input(id);
  return value === '' ? null : Number(value);
}
