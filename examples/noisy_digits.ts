/**
 * A BatchTransformer in a network of one's own, on a task that has nothing to do with faces: handwritten digits, of
 * which 30 % of the training labels are wrong. The same small network learns them twice, with a plain head and with a
 * BatchTransformer beside it, and names digits that it has not seen. What comes out is printed, whoever wins.
 *
 *     npx tsx examples/noisy_digits.ts
 *     npx tsx examples/noisy_digits.ts --noise 0 --train 2000 --epochs 20
 */
import { parseArgs } from 'node:util';
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import '@tensorflow/tfjs-backend-wasm';
import { BatchTransformer } from 'btn-layers';
import { Adam, batches, crossEntropy, seededRandom, shuffled } from 'btn-layers/training';
import { type Digits, drawDigits } from './digits.js';

const { values } = parseArgs({
  options: {
    noise: { type: 'string', default: '0.3' },
    seeds: { type: 'string', default: '5' },
    train: { type: 'string', default: '1000' },
    test: { type: 'string', default: '1000' },
    epochs: { type: 'string', default: '12' },
  },
});
const [classes, embedding, batchSize] = [10, 16, 64];

/** Outputs `logits`, of each image alone, and with a BatchTransformer also `bt`, of each among its batch. */
function network(seed: number, withTransformer: boolean): tfl.LayersModel {
  const start = (n: number) => tfl.initializers.glorotUniform({ seed: 100 * seed + n });
  const conv = (filters: number, n: number) =>
    tfl.layers.conv2d({
      filters,
      kernelSize: 3,
      strides: 2,
      activation: 'relu',
      kernelInitializer: start(n),
    });
  const dense = (units: number, n: number, activation?: 'relu') =>
    tfl.layers.dense({ units, activation, kernelInitializer: start(n) });

  const image = tfl.input({ shape: [28, 28, 1] });
  const map = conv(16, 2).apply(conv(8, 1).apply(image));
  const features = dense(64, 3, 'relu').apply(tfl.layers.flatten().apply(map));
  const logits = dense(classes, 4).apply(features) as tfl.SymbolicTensor;
  if (!withTransformer) return tfl.model({ inputs: image, outputs: [logits] });

  // What to ask the other images of the batch for, and what to answer them: a vector for each class.
  const perClass = (n: number) =>
    tfl.layers
      .reshape({ targetShape: [classes, embedding] })
      .apply(dense(classes * embedding, n).apply(features)) as tfl.SymbolicTensor;
  const [, bt] = new BatchTransformer().apply([perClass(5), perClass(6), logits]) as [
    tfl.SymbolicTensor,
    tfl.SymbolicTensor,
  ];
  return tfl.model({ inputs: image, outputs: [logits, bt] });
}

/** Labels each of which, with probability `part`, names another digit. */
function withWrongLabels({ labels }: Digits, part: number, seed: number): number[] {
  const random = seededRandom(seed);
  return labels.map((label) =>
    random.uniform() < part ? (label + 1 + random.integer(classes - 1)) % classes : label,
  );
}

async function train(model: tfl.LayersModel, images: tf.Tensor4D, labels: number[], seed: number) {
  const variables = model.trainableWeights.map((weight) => weight.read() as tf.Variable);
  const byName = Object.fromEntries(variables.map((variable) => [variable.name, variable]));
  const optimizer = new Adam();
  for (let epoch = 0; epoch < Number(values.epochs); epoch++) {
    for (const batch of batches(shuffled([...labels.keys()], seed, epoch), batchSize)) {
      const { value, grads } = tf.tidy(() => {
        const x = tf.gather(images, batch);
        const y = tf.oneHot(
          tf.tensor1d(
            batch.map((i) => labels[i]!),
            'int32',
          ),
          classes,
        );
        return tf.variableGrads(() => {
          const outputs = [model.apply(x, { training: true })].flat() as tf.Tensor2D[];
          return tf.addN(outputs.map((output) => crossEntropy(output, y))) as tf.Scalar;
        }, variables);
      });
      optimizer.apply(byName, grads, 1e-3);
      tf.dispose([value, grads]);
    }
  }
  optimizer.dispose();
}

/** In percent. By `predictOnBatch`: `predict` would cut the batch that the images share. */
function accuracies(model: tfl.LayersModel, { images, labels }: Digits): number[] {
  const right = model.outputs.map(() => 0);
  for (const batch of batches(shuffled([...labels.keys()], 1, 0), batchSize)) {
    tf.tidy(() => {
      const outputs = [model.predictOnBatch(tf.gather(images, batch))].flat() as tf.Tensor[];
      for (const [o, output] of outputs.entries()) {
        const predicted = tf.argMax(output, 1).dataSync();
        right[o]! += batch.filter((index, i) => predicted[i] === labels[index]).length;
      }
    });
  }
  return right.map((count) => (100 * count) / labels.length);
}

/** ± the standard deviation over the seeds. */
function meanAndDeviation(of: number[]): string {
  const mean = of.reduce((sum, value) => sum + value, 0) / of.length;
  const squares = of.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  const deviation = of.length > 1 ? ` ± ${Math.sqrt(squares / (of.length - 1)).toFixed(1)}` : '';
  return `${mean.toFixed(1)}${deviation}`;
}

async function main(): Promise<void> {
  await tf.setBackend('wasm');
  const rows: { plain: number; alone: number; together: number }[] = [];
  console.log('seed   plain head   BatchTransformer: each image alone, in batches of 64');
  for (let seed = 1; seed <= Number(values.seeds); seed++) {
    const [digits, unseen] = drawDigits(Number(values.train), Number(values.test), seed);
    const labels = withWrongLabels(digits, Number(values.noise), seed);
    const results: number[][] = [];
    for (const withTransformer of [false, true]) {
      const model = network(seed, withTransformer);
      await train(model, digits.images, labels, seed);
      results.push(accuracies(model, unseen));
      model.dispose();
    }
    tf.dispose([digits.images, unseen.images]);
    const [[plain], [alone, together]] = results as [[number], [number, number]];
    rows.push({ plain, alone, together });
    const cells = [plain, alone, together].map((value) => `${value.toFixed(1)} %`.padStart(10));
    console.log(`${String(seed).padStart(4)} ${cells.join('   ')}`);
  }
  const column = (name: keyof (typeof rows)[0]) => rows.map((row) => row[name]);
  const gain = rows.map(({ plain, alone }) => alone - plain);
  console.log(`
${Number(values.train)} digits to learn from, ${100 * Number(values.noise)} % of the labels wrong; right of those not seen:
  plain head                        ${meanAndDeviation(column('plain'))} %
  BatchTransformer, image alone     ${meanAndDeviation(column('alone'))} %   (gain ${meanAndDeviation(gain)} points)
  BatchTransformer, in batches      ${meanAndDeviation(column('together'))} %`);
}

main();
