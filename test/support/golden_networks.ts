/** Whole networks with weights and images by formula, and what lies between their ends. */
import type * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import type { BtnConfig } from '../../src/models/index.js';
import { asList, tidied } from './arrays.js';
import { formulaImages, sampleIndices } from './formula.js';
import { fromTorchValues, torchValues, type Values } from './goldens.js';

/** `[batch, size, size, 3]` */
export function goldenImages(batch: number, { inputSize }: BtnConfig): tf.Tensor4D {
  const values = formulaImages('images', batch, inputSize);
  return fromTorchValues(values, [batch, 3, inputSize, inputSize]) as tf.Tensor4D;
}

/** Every stage of inference by its name in the goldens, logits included, in PyTorch's order. */
export function runStages(model: tfl.LayersModel, config: BtnConfig, batch: number): Values {
  const layers = stageLayers(config);
  const stages = Object.values(layers).map(
    (layer) => model.getLayer(layer).output as tfl.SymbolicTensor,
  );
  const all = tfl.model({ inputs: model.inputs, outputs: [...stages, ...model.outputs] });
  const names = [...Object.keys(layers), ...model.outputNames];
  return tidied(() => {
    const outputs = asList(all.predictOnBatch(goldenImages(batch, config)));
    return new Map(names.map((name, i) => [name, torchValues(outputs[i]!)]));
  });
}

/** Which layer's output each stage is. */
function stageLayers({ image, landmarks, multiLevelAttention }: BtnConfig): Record<string, string> {
  const imageMap = (stage: 1 | 2 | 3) => `ir_back.body${stage}.${image.depths[stage - 1]! - 1}.sum`;
  const landmarkMap = (stage: 1 | 2) =>
    `face_landback.conv_${stage + 2}.model.${landmarks.depths[stage - 1]! - 1}.sum`;
  return {
    image_map1: imageMap(1),
    image_map2: imageMap(2),
    image_map3: imageMap(3),
    landmark_map1: landmarkMap(1),
    landmark_map2: landmarkMap(2),
    landmark_map3: 'face_landback.conv_6_sep.prelu',
    tokens: 'tokens',
    ...(multiLevelAttention && { mla: 'mla' }),
  };
}

export function sampled(name: string, values: Float32Array, count: number): Float32Array {
  return Float32Array.from(sampleIndices(name, values.length, count), (i) => values[i]!);
}

/** Error of a stage from its samples, mean and largest magnitude, by which all are measured. */
export function stageError(
  name: string,
  values: Float32Array,
  expected: { samples: Float32Array; summary: Float32Array },
): number {
  const [mean, largest] = expected.summary as unknown as [number, number];
  const differences = [...sampled(name, values, expected.samples.length)].map(
    (value, i) => value - expected.samples[i]!,
  );
  differences.push(values.reduce((sum, value) => sum + value, 0) / values.length - mean);
  differences.push(values.reduce((most, value) => Math.max(most, Math.abs(value)), 0) - largest);
  return Math.max(...differences.map(Math.abs)) / largest;
}
