import { type DataType, type NumericDataType, type TensorInfo, util } from '@tensorflow/tfjs-core';
import type { MoectWebgpuBackend } from './backend.ts';
import { checkBindingSize } from './device-limits.ts';
import { isPart, type Operand } from './tensor-part.ts';

type Element = 'f32' | 'i32' | 'vec4<f32>';

/** A compute shader. Its text uses its buffers and parameters by name. */
export interface Program {
  /** Identifies the text: programs of different texts have different names. */
  readonly name: string;
  /** Buffers that are read. */
  readonly reads: Readonly<Record<string, Element>>;
  /** Buffers that are written, and may be read. */
  readonly writes: Readonly<Record<string, Element>>;
  /** Numbers, as `p.name`. */
  readonly params: Readonly<Record<string, 'i32' | 'f32'>>;
  /** Invocations of a workgroup. */
  readonly lanes: number;
  /** The workgroup is one subgroup and uses its functions: only where the device has subgroups of `lanes` lanes. */
  readonly isSubgroup?: true;
  /** Uses float16: only where the device supports it. */
  readonly isHalf?: boolean;
  /** An equal program for as many workgroups, used instead where the backend `hasCheapSubgroups`. */
  readonly onSubgroup?: Program;
  /** Constants, functions and workgroup memory. */
  readonly declarations?: string;
  /** Statements with `group` (number of the workgroup) and `lane` (number of the invocation in it), both i32. */
  readonly body: string;
}

/** Recording internals of TensorFlow.js's backend (4.22, the last of its line), which its types hide. */
interface Recorder {
  commandEncoder: GPUCommandEncoder | null;
  computePassEncoder: GPUComputePassEncoder | null;
  readonly commandQueueOwnedIds: WeakSet<object>;
  dispatchCountInPass: number;
  readonly uniformPendingDisposal: GPUBuffer[];
}

const FLOAT = 4;

/** Dispatches that are submitted together. Freed buffers are reused only after that. */
const BATCH = 32;

const pipelines = new WeakMap<GPUDevice, Map<string, GPUComputePipeline>>();

/** The complete WGSL of a program. */
export function shaderText(program: Program): string {
  const { reads, writes, params, lanes, isSubgroup = false, isHalf = false } = program;
  const { declarations = '', body } = program;
  const buffers = [
    ...Object.entries(writes).map(([name, type]) => ({ name, type, access: 'read_write' })),
    ...Object.entries(reads).map(([name, type]) => ({ name, type, access: 'read' })),
  ];
  const bindings = buffers.map(
    ({ name, type, access }, i) =>
      `@group(0) @binding(${i + 1}) var<storage, ${access}> ${name} : array<${type}>;`,
  );
  const fields = Object.entries(params).map(([name, type]) => `${name} : ${type},`);
  return `${isSubgroup ? 'enable subgroups;' : ''} ${isHalf ? 'enable f16;' : ''}
struct Params { groups : i32, ${fields.join(' ')} }
@group(0) @binding(0) var<uniform> p : Params;
${bindings.join('\n')}
${declarations}
@compute @workgroup_size(${lanes})
fn main(
  @builtin(workgroup_id) workgroup : vec3<u32>,
  @builtin(num_workgroups) workgroups : vec3<u32>,
  @builtin(${isSubgroup ? 'subgroup_invocation_id' : 'local_invocation_index'}) invocation : u32,
) {
  let group = i32(workgroup.y * workgroups.x + workgroup.x);
  if (group >= p.groups) { return; }
  let lane = i32(invocation);
  ${buffers.map(({ name }) => `_ = &${name};`).join(' ')}
  ${body}
}`;
}

function pipelineOf(device: GPUDevice, program: Program): GPUComputePipeline {
  let known = pipelines.get(device);
  if (known === undefined) {
    known = new Map();
    pipelines.set(device, known);
  }
  let pipeline = known.get(program.name);
  if (pipeline === undefined) {
    const module = device.createShaderModule({ label: program.name, code: shaderText(program) });
    const compute = { module, entryPoint: 'main' };
    pipeline = device.createComputePipeline({ label: program.name, layout: 'auto', compute });
    known.set(program.name, pipeline);
  }
  return pipeline;
}

/** Writes a uniform buffer. All fields have four bytes, so they lie one after another. */
function writeParams(
  backend: MoectWebgpuBackend,
  params: Program['params'],
  groups: number,
  values: Readonly<Record<string, number>>,
): GPUBuffer {
  const fields = Object.entries(params);
  const bytes = Math.ceil((fields.length + 1) / 4) * 16;
  const view = new DataView(new ArrayBuffer(bytes));
  view.setInt32(0, groups, true);
  fields.forEach(([name, type], i) => {
    const value = values[name];
    if (value === undefined) throw new TypeError(`The parameter '${name}' is missing.`);
    if (type === 'i32') view.setInt32(4 * i + 4, value, true);
    else view.setFloat32(4 * i + 4, value, true);
  });
  const usage = GPUBufferUsage.COPY_DST | GPUBufferUsage.UNIFORM;
  const buffer = backend.bufferManager.acquireBuffer(bytes, usage);
  backend.queue.writeBuffer(buffer, 0, view.buffer);
  (backend as unknown as Recorder).uniformPendingDisposal.push(buffer);
  return buffer;
}

/** The buffer of a tensor; an empty tensor has one of four bytes, because WebGPU binds no empty ones. */
function bufferOf(backend: MoectWebgpuBackend, info: TensorInfo): GPUBuffer {
  if (util.sizeFromShape(info.shape) === 0) {
    const buffer = backend.bufferManager.acquireBuffer(4, GPUBufferUsage.STORAGE);
    (backend as unknown as Recorder).uniformPendingDisposal.push(buffer);
    return buffer;
  }
  backend.uploadToGPU(info.dataId);
  (backend as unknown as Recorder).commandQueueOwnedIds.add(info.dataId);
  return backend.tensorMap.get(info.dataId).resource as GPUBuffer;
}

/** The binding of a tensor or of a part of one. @throws BackendUnavailableError where it is too large */
function bindingOf(backend: MoectWebgpuBackend, operand: Operand, program: string): GPUBufferBinding {
  const info = isPart(operand) ? operand.whole : operand;
  const buffer = bufferOf(backend, info);
  if (isPart(operand) && operand.size > 0) {
    const [offset, size] = [FLOAT * operand.first, FLOAT * operand.size];
    checkBindingSize(backend.limits, info, size, program, true);
    return { buffer, offset, size };
  }
  checkBindingSize(backend.limits, info, buffer.size, program);
  return { buffer };
}

/** The grid of `groups` workgroups: in two dimensions where one does not allow that many. */
function gridOf({ limits }: MoectWebgpuBackend, groups: number): [x: number, y: number] {
  const limit = limits.groupsPerDimension;
  return groups <= limit ? [groups, 1] : [limit, Math.ceil(groups / limit)];
}

type ProgramCall = [
  backend: MoectWebgpuBackend,
  program: Program,
  groups: number,
  tensors: Readonly<Record<string, Operand>>,
  params: Readonly<Record<string, number>>,
];

/**
 * Records a dispatch of `groups` workgroups. Dispatches see the writes of those before them.
 * @param call tensors and parameters by name
 */
export function runProgram(...call: ProgramCall): void {
  const [backend] = call;
  recordProgram(...call);
  if ((backend as unknown as Recorder).dispatchCountInPass >= BATCH) submit(backend);
}

/** Submits the recorded work to the driver. */
export function submit(backend: MoectWebgpuBackend): void {
  backend.endComputePassEncoder();
  backend.submitQueue();
}

/** As `runProgram`, but submits nothing. */
export function recordProgram(...[backend, given, groups, tensors, params]: ProgramCall): void {
  if (groups === 0) return;
  const program = (backend.hasCheapSubgroups ? given.onSubgroup : undefined) ?? given;
  backend.health.check();
  const { device } = backend;
  const recorder = backend as unknown as Recorder;
  const names = [...Object.keys(program.writes), ...Object.keys(program.reads)];
  const bindings = names.map((name) => bindingOf(backend, tensors[name]!, given.name));
  const uniforms = { buffer: writeParams(backend, program.params, groups, params) };
  const pipeline = pipelineOf(device, program);
  const bindGroup = device.createBindGroup({
    layout: pipeline.getBindGroupLayout(0),
    entries: [uniforms, ...bindings].map((resource, binding) => ({ binding, resource })),
  });
  backend.ensureCommandEncoderReady();
  recorder.computePassEncoder ??= recorder.commandEncoder!.beginComputePass();
  recorder.computePassEncoder.setPipeline(pipeline);
  recorder.computePassEncoder.setBindGroup(0, bindGroup);
  recorder.computePassEncoder.dispatchWorkgroups(...gridOf(backend, groups));
  recorder.dispatchCountInPass++;
}

/** Copies elements of any type from one tensor to another; neither needs to be bound. */
export function copyElements(
  backend: MoectWebgpuBackend,
  from: { readonly tensor: TensorInfo; readonly at: number },
  to: { readonly tensor: TensorInfo; readonly at: number },
  size: number,
): void {
  if (size === 0) return;
  backend.health.check();
  const [source, target] = [bufferOf(backend, from.tensor), bufferOf(backend, to.tensor)];
  backend.ensureCommandEncoderReady();
  backend.endComputePassEncoder();
  const { commandEncoder } = backend as unknown as Recorder;
  commandEncoder!.copyBufferToBuffer(source, FLOAT * from.at, target, FLOAT * to.at, FLOAT * size);
}

/** A new tensor on the device. Its values are undefined until written. */
export function output(
  backend: MoectWebgpuBackend,
  shape: readonly number[],
  dtype: DataType = 'float32',
): TensorInfo {
  const info = backend.makeTensorInfo([...shape], dtype);
  if (util.sizeFromShape(info.shape) > 0) backend.uploadToGPU(info.dataId);
  else backend.tensorMap.get(info.dataId).values = util.getTypedArrayFromDType(dtype as NumericDataType, 0);
  return info;
}

/** Runs `use` with a buffer of `size` numbers, which is freed after the dispatches that use it. */
export function withScratch<T>(
  backend: MoectWebgpuBackend,
  size: number,
  use: (scratch: TensorInfo) => T,
  dtype: 'float32' | 'int32' = 'float32',
): T {
  const scratch = output(backend, [size], dtype);
  try {
    return use(scratch);
  } finally {
    backend.disposeData(scratch.dataId);
  }
}
