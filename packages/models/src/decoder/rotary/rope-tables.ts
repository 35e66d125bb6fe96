import type { Tensor } from '@moect/core';
import { dispose, keep, tensor } from '@moect/tensor';
import type { RotaryConfig } from './rope-config.ts';
import { ropeTable } from './rope-table.ts';

/** Rows made at once when a model is created. */
const FIRST_ROWS = 8192;

interface Tables {
  /** [positions, rotaryDim / 2] */
  readonly cos: Tensor;
  readonly sin: Tensor;
}

/** cos and sin on the device, made once and extended when a call needs more rows. */
export interface RopeTables {
  /**
   * @param rows positions below this are needed
   * @param sequenceLength longest sequence of the call, for dynamic scaling
   */
  at(rows: number, sequenceLength: number): Tables;
  dispose(): void;
}

export function createRopeTables(config: RotaryConfig): RopeTables {
  const make = (rows: number, sequenceLength: number): Tables => {
    const { cos, sin } = ropeTable(config, rows, sequenceLength);
    const shape = [rows, config.rotaryDim / 2];
    return { cos: tensor(cos, shape), sin: tensor(sin, shape) };
  };
  let rows = Math.min(config.maxPositions, FIRST_ROWS);
  // shorter tables live as long as the model: a gradient tape may still hold them
  const all: Tables[] = [make(rows, rows)];
  const dynamicFrom =
    config.rope.type === 'dynamic' ? config.rope.originalMaxPositions : Number.POSITIVE_INFINITY;
  return {
    at(needed, sequenceLength) {
      if (sequenceLength > dynamicFrom) return make(needed, sequenceLength);
      if (needed > rows) {
        rows = Math.max(needed, 2 * rows);
        const { cos, sin } = make(rows, 0);
        all.push({ cos: keep(cos), sin: keep(sin) });
      }
      return all[all.length - 1]!;
    },
    dispose: () => dispose(all),
  };
}

/** The tables of each layer; layers with the same settings share one. */
export interface LayerRopeTables {
  /** cos and sin by layer, nothing where it is not rotated. Parameters as `RopeTables.at`. */
  at(rows: number, sequenceLength: number): (layer: number) => Partial<Tables>;
  dispose(): void;
}

/** @param configs settings by layer, undefined where a layer is not rotated */
export function createLayerRopeTables(configs: readonly (RotaryConfig | undefined)[]): LayerRopeTables {
  const keys = configs.map((config) => JSON.stringify(config));
  const made = new Map<string | undefined, RopeTables>();
  for (const [layer, config] of configs.entries()) {
    const key = keys[layer];
    if (config !== undefined && !made.has(key)) made.set(key, createRopeTables(config));
  }
  return {
    at(rows, sequenceLength) {
      const tables = new Map([...made].map(([key, of]) => [key, of.at(rows, sequenceLength)]));
      return (layer) => tables.get(keys[layer]) ?? {};
    },
    dispose: () => {
      for (const tables of made.values()) tables.dispose();
    },
  };
}
