/** Each block against PyTorch: outputs, gradients of inputs and weights, running statistics. */
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { describe, expect, it } from 'vitest';
import * as btn from '../../src/index.js';
import { fullIr50, fullMobileFaceNet, type Ir50Config } from '../../src/models/index.js';
import { ir50Maps } from '../../src/models/ir50.js';
import { mobileFaceNetMaps } from '../../src/models/mobilefacenet.js';
import { asList } from '../support/arrays.js';
import { describeBackends } from '../support/backends.js';
import { formulaTensor } from '../support/formula.js';
import {
  expectWithin,
  fromTorchValues,
  Golden,
  gradientsOf,
  groupError,
  setFormulaWeights,
  stateOf,
  torchValues,
  type Values,
} from '../support/goldens.js';

type Node = tfl.SymbolicTensor;
type Triple = [number, number, number];
type Group = 'output' | 'gradient' | 'after';

interface Case {
  /** PyTorch's shapes: images and maps are `[B, C, H, W]`. */
  inputs: number[][];
  training: boolean;
  /** Inputs are uniform in [-scale, scale). */
  inputScale: number;
  gradientTolerance: number;
  /** How far PyTorch's own float32 is from its float64. */
  float32Errors: Partial<Record<Group, number>>;
}

const golden = Golden.read<{ cases: Record<string, Case> }>('blocks');

/** The same blocks as in scripts/goldens/blocks.py. Layers are named by their PyTorch module. */
const blocks: Record<string, (inputs: Node[]) => Node[]> = {
  conv_bias: conv({ kernelSize: 3, padding: 1 }),
  conv_stride_2: conv({ kernelSize: 3, strides: 2, padding: 1, useBias: false }),
  conv_stride_2_odd: conv({ kernelSize: 3, strides: 2, padding: 1 }),
  conv_1x1_stride_2: conv({ kernelSize: 1, strides: 2, useBias: false }),
  depthwise: depthwise(1),
  depthwise_stride_2: depthwise(2),
  batch_norm_eval: single(() => new btn.BtnBatchNorm({ name: 'bn' })),
  batch_norm_train: single(() => new btn.BtnBatchNorm({ name: 'bn' })),
  batch_norm_epsilon: single(() => new btn.BtnBatchNorm({ name: 'bn' })),
  prelu: single(() => new btn.BtnPReLU({ name: 'prelu' })),
  subsample: single(() => new btn.Subsample({ stride: 2 })),
  subsample_odd: single(() => new btn.Subsample({ stride: 2 })),
  squeeze_excite: single(() => new btn.SqueezeExcite({ name: 'se' })),
  ir_unit_pooled_eval: irUnits([8, 8, 8], [1, 0, 0]),
  ir_unit_pooled: irUnits([8, 8, 8], [1, 0, 0]),
  ir_unit_identity: irUnits([8, 8, 8], [2, 0, 0]),
  ir_unit_projected: irUnits([8, 12, 12], [0, 1, 0]),
  ir_se_unit: irUnits([32, 32, 32], [1, 0, 0], 'irSe'),
  mobile_face_net_eval: smallMobileFaceNet,
  mobile_face_net: smallMobileFaceNet,
  'layer_norm_1e-5': single(() => new btn.BtnLayerNorm({ name: 'norm' })),
  'layer_norm_1e-6': single(() => new btn.BtnLayerNorm({ name: 'norm', epsilon: 1e-6 })),
  mlp: single(() => new btn.Mlp({ name: 'mlp' })),
  landmark_attention: several(() => new btn.LandmarkAttention({ name: 'attn', numHeads: 4 })),
  layer_scale: single(() => new btn.LayerScale({ name: 'gamma1' })),
  class_token: single(() => new btn.ClassToken({ name: 'cls_token' })),
  position_embedding: single(() => new btn.PositionEmbedding({ name: 'pos_embed' })),
  self_attention: single(() => new btn.SelfAttention({ name: 'attn', numHeads: 4 })),
  transformer_block: single(() => new btn.TransformerBlock({ name: 'block', numHeads: 4 })),
  feature_gate: single(() => new btn.FeatureGate({ name: 'se_block' })),
  multi_level_attention: several(() => new btn.MultiLevelAttention({ name: 'mla', numHeads: 4 })),
  channel_encoding: several(() => new btn.ChannelPositionalEncoding()),
  channel_encoding_learned: several(
    () => new btn.ChannelPositionalEncoding({ name: 'encoding', encoding: 'learned' }),
  ),
  class_batch_attention: several(() => new btn.ClassBatchAttention()),
  batch_transformer: several(() => new btn.BatchTransformer()),
};

describe('goldens of blocks', () => {
  it('are of the blocks below', () => {
    expect(Object.keys(golden.about.cases)).toEqual(Object.keys(blocks));
  });
});

describeBackends('blocks agree with PyTorch', (backend) => {
  it.each(Object.keys(blocks))('%s', async (name) => {
    const { float32Errors, gradientTolerance } = golden.about.cases[name]!;
    const results = await runBlock(name);
    for (const [group, actual] of Object.entries(results) as [Group, Values][]) {
      const expected = golden.group(`${name}/${group}`);
      expect([...actual.keys()].sort()).toEqual([...expected.keys()].sort());
      if (expected.size === 0) continue;
      expectWithin({
        what: name,
        quantity: group,
        backend,
        error: groupError(actual, expected, golden.about.vanishing),
        tolerance: group === 'gradient' ? gradientTolerance : golden.about.tolerance,
        torch: float32Errors[group],
      });
    }
  });
});

/** Outputs, gradients of Σ output · cotangent, and running statistics after training. */
async function runBlock(name: string): Promise<Record<Group, Values>> {
  const { inputs: shapes, training, inputScale: scale } = golden.about.cases[name]!;
  const model = modelOf(name, shapes);
  await setFormulaWeights(model, `${name}/`);
  const inputs = shapes.map((shape, i) =>
    tf.tidy(() => {
      const values = formulaTensor(`${name}/input.${i}`, shape, { center: 0, scale });
      return tf.variable(fromTorchValues(values, shape));
    }),
  );
  const weights = model.trainableWeights.map((weight) => weight.read() as tf.Variable);
  const output: Values = new Map();
  const { value, grads } = tf.variableGrads(() => {
    const all = inputs.length === 1 ? inputs[0]! : inputs;
    const outputs = asList(model.apply(all, { training }) as tf.Tensor);
    outputs.forEach((tensor, i) => {
      output.set(`${i}`, torchValues(tensor));
    });
    const parts = outputs.map((tensor, i) => tf.sum(tf.mul(tensor, cotangentOf(name, i, tensor))));
    return tf.addN(parts) as tf.Scalar;
  }, [...inputs, ...weights]);

  const running = [...(await stateOf(model))].filter(([key]) => key.includes('running_'));
  const ofWeights = [...(await gradientsOf(model, grads))].filter(
    ([key]) => !key.includes('running_'),
  );
  const ofInputs = inputs.map((input, i): [string, Float32Array] => [
    `input.${i}`,
    torchValues(grads[input.name]!),
  ]);
  tf.dispose([value, grads, inputs]);
  model.dispose();
  return {
    output,
    gradient: new Map([...ofInputs, ...ofWeights]),
    after: new Map(training ? running : []),
  };
}

function cotangentOf(name: string, i: number, { shape, rank }: tf.Tensor): tf.Tensor {
  const [batch, height, width, channels] = shape as [number, number, number, number];
  const there = rank === 4 ? [batch, channels, height, width] : shape;
  const values = formulaTensor(`${name}/cotangent.${i}`, there, { center: 0, scale: 1 });
  return fromTorchValues(values, there);
}

function modelOf(name: string, shapes: number[][]): tfl.LayersModel {
  const inputs = shapes.map(([, ...rest]) => {
    const [channels, height, width] = rest as [number, number, number];
    return tfl.input({ shape: rest.length === 3 ? [height, width, channels] : rest });
  });
  return tfl.model({ inputs, outputs: blocks[name]!(inputs) });
}

/** A layer of one input. */
function single(make: () => tfl.layers.Layer): (inputs: Node[]) => Node[] {
  return ([input]) => asList(make().apply(input!) as Node);
}

/** A layer of a list of inputs. */
function several(make: () => tfl.layers.Layer): (inputs: Node[]) => Node[] {
  return (inputs) => asList(make().apply(inputs) as Node);
}

function conv(config: Omit<btn.BtnConv2DConfig, 'filters'>): (inputs: Node[]) => Node[] {
  return single(() => new btn.BtnConv2D({ ...config, name: 'conv', filters: 6 }));
}

function depthwise(strides: number): (inputs: Node[]) => Node[] {
  const config = { name: 'conv', kernelSize: 3, padding: 1, strides };
  return single(() => new btn.BtnDepthwiseConv2D(config));
}

/** The stem and units behind it; the last map. */
function irUnits(
  widths: Triple,
  depths: Triple,
  mode: Ir50Config['mode'] = fullIr50.mode,
): (inputs: Node[]) => Node[] {
  return ([input]) => [ir50Maps(input!, { mode, widths, depths }, 'ir_back')[2]];
}

function smallMobileFaceNet([input]: Node[]): Node[] {
  const sizes = { widths: [4, 6, 8] as Triple, depths: [1, 1, 1] as Triple };
  const config = { ...fullMobileFaceNet, ...sizes, trainable: true };
  return mobileFaceNetMaps(input!, config, 'face_landback');
}
