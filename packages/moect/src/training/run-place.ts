/** Where a run is, and what it recorded when it began. */
export interface RunPlace {
  readonly output?: string | undefined;
  /** `resolved.json` of a resumed run. */
  readonly record?: unknown;
}
