/** What a contender's process offers: training steps on the common model. */
export interface Contender {
  /** One optimizer step; resolves when it is really done, with the loss before it. */
  step(): Promise<number>;
}

interface Request {
  readonly steps: number;
}

export interface Reply {
  readonly milliseconds: number[];
  readonly loss: number;
}

/** Serves a contender to the parent process: so many steps asked, so many times answered. */
export function serve(create: () => Promise<Contender>): void {
  const ready = create();
  process.on('message', async (request: Request) => {
    try {
      const contender = await ready;
      const milliseconds: number[] = [];
      let loss = Number.NaN;
      for (let i = 0; i < request.steps; i++) {
        const start = performance.now();
        loss = await contender.step();
        milliseconds.push(performance.now() - start);
      }
      process.send?.({ milliseconds, loss } satisfies Reply);
    } catch (error) {
      process.send?.({ error: String(error) });
    }
  });
}
