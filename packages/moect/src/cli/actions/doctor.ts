import { type Examination, examine } from '../../doctor/examine.ts';
import { EXIT } from '../exit-codes.ts';
import type { Io } from '../io.ts';

const MARKS = { ok: 'ok     ', note: 'note   ', warning: 'warning', problem: 'PROBLEM' } as const;

function print({ findings, cpu, cores, platform, chosen, reason }: Examination, io: Io): void {
  io.out(`${platform}, ${cpu}, ${cores} cores\n`);
  for (const { level, text } of findings) io.out(`${MARKS[level]}  ${text}\n`);
  io.out(
    chosen === null
      ? 'No backend works here; nothing can be trained.\n'
      : `moect uses ${chosen} (${reason}). Next: moect train --help\n`,
  );
}

export interface DoctorCommandOptions {
  readonly threads?: number;
  readonly json?: boolean;
}

/** Runs `moect doctor`; gives the exit code. */
export async function doctorCommand({ threads, json }: DoctorCommandOptions, io: Io): Promise<number> {
  const found = await examine(threads === undefined ? {} : { threads });
  if (json === true) io.out(`${JSON.stringify(found, null, 2)}\n`);
  else print(found, io);
  // `moect train` never takes the slow backend by itself, and ends with the same code
  return found.chosen === null || found.chosen === 'cpu' ? EXIT.unavailable : EXIT.ok;
}
