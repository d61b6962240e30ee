import { type TensorInfo, util } from '@tensorflow/tfjs-core';
import type { AttentionSizes } from '../attention_sizes.js';
import {
  biasGradientShader,
  componentsOf,
  forwardShader,
  type Gradient,
  gradientShader,
  type Operand,
  type OperandName,
  operandsOf,
  readFor,
  type ShaderSizes,
  splitOf,
  statisticsShader,
  threads,
  tileSize,
} from './attention_shader.js';
import type { WebgpuBackend, WebgpuProgram } from './backend.js';

/** `[batch, tokens, heads · features]`, or with the same numbers in the same order. */
export interface AttentionInputs {
  readonly query: TensorInfo;
  readonly key: TensorInfo;
  readonly value: TensorInfo;
  /** `[heads, queries, keys]` */
  readonly bias?: TensorInfo | undefined;
  /** `[tokens]` of queries and keys alike, 0 for those that neither attend nor are attended to. */
  readonly mask?: TensorInfo | undefined;
}

interface Run {
  readonly name: string;
  readonly shader: (sizes: ShaderSizes) => string;
  /** The operands that the shader reads, and perhaps the statistics; bias and mask it gets by itself. */
  readonly read: readonly OperandName[];
  readonly statistics?: TensorInfo;
  readonly shape: number[];
  /** Numbers in an element of the output. */
  readonly components: WebgpuProgram['outputComponent'];
  readonly dispatch: WebgpuProgram['dispatch'];
}

/**
 * The backend compiles anew where shapes have other ranks, or begin or cease to be broadcastable to the output's: with a
 * single axis, and two of the output, none does.
 */
function flat({ dataId, dtype, shape }: TensorInfo): TensorInfo {
  return { dataId, dtype, shape: [util.sizeFromShape(shape)] };
}

/** Runs shaders on the same operands. */
function runner(
  backend: WebgpuBackend,
  inputs: AttentionInputs & { readonly dy?: TensorInfo },
  sizes: AttentionSizes,
) {
  const { bias, mask } = inputs;
  const { depth, width, batch, heads, queries, keys, scale } = sizes;
  const given = { depth, width, hasBias: bias !== undefined, hasMask: mask !== undefined };
  const operands = operandsOf(given);
  const key = Object.values(given).join('_');
  const uniforms = [
    ...[batch, heads, queries, keys].map((n) => ({ type: 'int32' as const, data: [n] })),
    { type: 'float32' as const, data: [scale] },
  ];
  return ({ name, shader, read, statistics, shape, components, dispatch }: Run): TensorInfo => {
    const buffers = [
      ...read.map((each) => [each, inputs[each], componentsOf(operands[each].features)] as const),
      ['bias', bias, 1] as const,
      ['mask', mask, 1] as const,
      ['statistics', statistics, 2] as const,
    ].filter(([, tensor]) => tensor !== undefined);
    const program: WebgpuProgram = {
      shaderKey: `btnAttention_${name}_${key}`,
      variableNames: buffers.map(([variable]) => variable),
      variableComponents: buffers.map(([, , count]) => count),
      outputComponent: components,
      outputShape: [util.sizeFromShape(shape), 1],
      dispatch,
      dispatchLayout: { x: [0], y: [1] },
      workgroupSize: [threads, 1, 1],
      uniforms: 'batches : i32, heads : i32, queries : i32, keys : i32, scale : f32,',
      getUserCode: () => shader(given),
    };
    const tensors = buffers.map(([, tensor]) => flat(tensor as TensorInfo));
    return { ...backend.runWebGPUProgram(program, tensors, 'float32', uniforms), shape };
  };
}

/** Workgroups for tiles of a result's rows, in each head, and for parts of its features. */
function dispatchFor(
  { device }: WebgpuBackend,
  { tokens, features }: Operand,
  sizes: AttentionSizes,
): Run['dispatch'] {
  const { batch, heads } = sizes;
  const rest = batch * heads * splitOf(features).groups;
  const z = Math.ceil(rest / device.limits.maxComputeWorkgroupsPerDimension);
  return [Math.ceil(sizes[tokens] / tileSize), Math.ceil(rest / z), z];
}

/** `softmax(scale · Q·Kᵀ + bias) · V` of each head; not for sizes that `isEmpty` finds empty. */
export function attend(
  backend: WebgpuBackend,
  inputs: AttentionInputs,
  shape: number[],
  sizes: AttentionSizes,
): TensorInfo {
  const { query, value } = operandsOf({ ...sizes, hasBias: false, hasMask: false });
  return runner(
    backend,
    inputs,
    sizes,
  )({
    name: 'forward',
    shader: forwardShader,
    read: ['query', 'key', 'value'],
    shape,
    components: componentsOf(value.features),
    dispatch: dispatchFor(backend, { ...value, tokens: query.tokens }, sizes),
  });
}

/** The gradients of {@link attend} by query, key, value and, where there is one, bias. */
export function attendGradients(
  backend: WebgpuBackend,
  dy: TensorInfo,
  inputs: AttentionInputs,
  sizes: AttentionSizes,
): TensorInfo[] {
  const { batch, heads, queries, keys } = sizes;
  const all = ['query', 'key', 'value', 'dy'] as const;
  const operands = operandsOf({ ...sizes, hasBias: false, hasMask: false });
  const run = runner(backend, { ...inputs, dy }, sizes);
  const statistics = run({
    name: 'statistics',
    shader: statisticsShader,
    read: all,
    shape: [batch * heads * queries, 2],
    components: 2,
    dispatch: dispatchFor(backend, { ...operands.query, features: 1 }, sizes),
  });
  const gradientOf = (name: Gradient) =>
    run({
      name,
      shader: (given) => gradientShader(name, given),
      read: readFor(name),
      statistics,
      shape: inputs[name].shape,
      components: componentsOf(operands[name].features),
      dispatch: dispatchFor(backend, operands[name], sizes),
    });
  const gradients = (['query', 'key', 'value'] as const).map(gradientOf);
  if (inputs.bias) {
    gradients.push(
      run({
        name: 'bias',
        shader: biasGradientShader,
        read: all,
        statistics,
        shape: inputs.bias.shape,
        components: 1,
        dispatch: [Math.ceil(queries / tileSize), Math.ceil(keys / tileSize), heads],
      }),
    );
  }
  backend.disposeData(statistics.dataId);
  return gradients;
}
