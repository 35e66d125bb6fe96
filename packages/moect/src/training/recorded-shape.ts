import type { PreparedRun } from './prepare-run.ts';
import { freedomOf, type StepShape } from './step-shape.ts';

type Recorded = { readonly training?: Partial<StepShape> } | null;

/** A resumed run, with steps of the shape that was chosen when it began: its checkpoints fit no other. */
export function withRecordedShape(prepared: PreparedRun, record: unknown): PreparedRun {
  const { batchSize, accumulation, recompute } = (record as Recorded)?.training ?? {};
  if (batchSize === undefined || accumulation === undefined || recompute === undefined) return prepared;
  const freedom = freedomOf(prepared.input.settings.training);
  const own = prepared.run.training;
  const shape = {
    ...(freedom.passes
      ? { batchSize, accumulation }
      : { batchSize: own.batchSize, accumulation: own.accumulation }),
    recompute: freedom.recompute ? recompute : own.recompute,
  };
  const isSame =
    shape.batchSize === own.batchSize &&
    shape.accumulation === own.accumulation &&
    shape.recompute === own.recompute;
  return isSame
    ? prepared
    : prepared.withShape(shape, 'passes and recomputation are as chosen when the run began');
}
