/**
 * A network of one's own goes to PyTorch: trained here on handwritten digits, written as safetensors with PyTorch's names
 * and layouts, beside the Python program that loads it. Both print the logits of one grey image, to compare.
 *
 *     npx tsx examples/export_to_pytorch.ts
 *     pip install torch safetensors && python runs/digits/digits.py
 *
 * A BTN needs none of this: `npx btn-layers convert runs/demo model.safetensors`.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import '@tensorflow/tfjs-backend-wasm';
import 'btn-layers';
import { toStateDict, writeSafetensors } from 'btn-layers/weights';
import { drawDigits } from './digits.js';

const { values } = parseArgs({
  options: {
    out: { type: 'string', default: join('runs', 'digits') },
    train: { type: 'string', default: '1000' },
    epochs: { type: 'string', default: '10' },
  },
});

/**
 * Layers have the names of PyTorch's modules. The last convolution leaves one place: a map of several would be flattened in
 * another order there, where channels come first.
 */
function network(): tfl.LayersModel {
  const conv = (name: string, filters: number, kernelSize: number, strides: number) =>
    tfl.layers.conv2d({ name, filters, kernelSize, strides, activation: 'relu' });
  const features = [
    conv('features.0', 16, 3, 2),
    conv('features.2', 32, 3, 2),
    conv('features.4', 64, 6, 1),
  ];
  const image = tfl.input({ shape: [28, 28, 1] });
  const map = features.reduce((x, layer) => layer.apply(x) as tfl.SymbolicTensor, image);
  const flat = tfl.layers.flatten().apply(map);
  const logits = tfl.layers.dense({ name: 'head', units: 10 }).apply(flat) as tfl.SymbolicTensor;
  return tfl.model({ inputs: image, outputs: logits });
}

const inPython = `import torch
from collections import OrderedDict
from pathlib import Path
from safetensors.torch import load_file
from torch import nn

network = nn.Sequential(OrderedDict(
    features=nn.Sequential(
        nn.Conv2d(1, 16, 3, 2), nn.ReLU(),
        nn.Conv2d(16, 32, 3, 2), nn.ReLU(),
        nn.Conv2d(32, 64, 6), nn.ReLU(),
    ),
    flatten=nn.Flatten(),
    head=nn.Linear(64, 10),
))
network.load_state_dict(load_file(Path(__file__).with_name("digits.safetensors")), strict=True)
network.eval()
with torch.no_grad():
    print(" ".join(f"{x:.4f}" for x in network(torch.full((1, 1, 28, 28), 0.5))[0]))
`;

async function main(): Promise<void> {
  await tf.setBackend('wasm');
  const [digits, unseen] = drawDigits(Number(values.train), 500, 1);
  const model = network();
  const crossEntropy = (labels: tf.Tensor, logits: tf.Tensor) =>
    tf.losses.softmaxCrossEntropy(labels, logits);
  model.compile({ optimizer: tf.train.adam(), loss: crossEntropy, metrics: ['accuracy'] });
  const oneHot = (labels: number[]) => tf.oneHot(tf.tensor1d(labels, 'int32'), 10);
  await model.fit(digits.images, oneHot(digits.labels), {
    epochs: Number(values.epochs),
    verbose: 0,
  });
  const [, right] = model.evaluate(unseen.images, oneHot(unseen.labels)) as tf.Scalar[];
  console.log(`right on ${(100 * right!.dataSync()[0]!).toFixed(1)} % of digits not seen`);

  const stateDict = await toStateDict(model);
  for (const [name, { shape }] of stateDict) console.log(`  ${name} [${shape.join(', ')}]`);
  await mkdir(values.out, { recursive: true });
  await writeFile(join(values.out, 'digits.safetensors'), writeSafetensors(stateDict));
  await writeFile(join(values.out, 'digits.py'), inPython);
  console.log(`written to ${values.out}: digits.safetensors, digits.py`);

  const grey = tf.fill([1, 28, 28, 1], 0.5);
  const logits = (model.predict(grey) as tf.Tensor).dataSync();
  console.log(`logits of a grey image: ${[...logits].map((x) => x.toFixed(4)).join(' ')}`);
}

main();
