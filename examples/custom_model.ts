/**
 * A BatchTransformer in a model of one's own, here for tabular data: eight features, three classes,
 * and a third of the training labels wrong. In training, the samples of a batch attend to each other
 * class by class; `vit`, the plain classifier, is what predicts.
 *
 *     npx tsx examples/custom_model.ts
 */
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import '@tensorflow/tfjs-backend-wasm';
import { BatchTransformer } from 'btn-layers';

const numClasses = 3;
const embedding = 16;

function model(): tfl.LayersModel {
  const input = tfl.input({ shape: [8] });
  const hidden = tfl.layers.dense({ units: 32, activation: 'relu' }).apply(input);
  const logits = tfl.layers.dense({ units: numClasses }).apply(hidden) as tfl.SymbolicTensor;
  // A vector of features per class, [B, C, E], for query and for key.
  const perClass = () => {
    const flat = tfl.layers.dense({ units: numClasses * embedding }).apply(hidden);
    const targetShape = [numClasses, embedding];
    return tfl.layers.reshape({ targetShape }).apply(flat) as tfl.SymbolicTensor;
  };
  const [, bt] = new BatchTransformer().apply([perClass(), perClass(), logits]) as [
    tfl.SymbolicTensor,
    tfl.SymbolicTensor,
  ];
  return tfl.model({ inputs: input, outputs: [logits, bt] });
}

/** Clusters around one centre a class; `noise` of the labels are drawn anew. */
function clusters(count: number, noise: number) {
  const labels = Array.from({ length: count }, (_, i) => i % numClasses);
  const seen = labels.map((label) =>
    Math.random() < noise ? Math.floor(Math.random() * numClasses) : label,
  );
  const x = tf.tidy(() => {
    const centres = tf.mul(tf.randomNormal([numClasses, 8], 0, 1, 'float32', 7), 1.2);
    const own = tf.gather(centres, tf.tensor1d(labels, 'int32'));
    return tf.add(own, tf.randomNormal([count, 8])) as tf.Tensor2D;
  });
  return { x, y: tf.oneHot(tf.tensor1d(seen, 'int32'), numClasses), labels };
}

async function main(): Promise<void> {
  await tf.setBackend('wasm');
  const network = model();
  const optimizer = tf.train.adam(0.01);
  const train = clusters(256, 1 / 3);
  for (let step = 1; step <= 100; step++) {
    const loss = optimizer.minimize(() => {
      const [logits, bt] = network.apply(train.x, { training: true }) as [tf.Tensor, tf.Tensor];
      const plain = tf.losses.softmaxCrossEntropy(train.y, logits);
      return tf.add(plain, tf.losses.softmaxCrossEntropy(train.y, bt)) as tf.Scalar;
    }, true)!;
    if (step % 25 === 0) console.log(`step ${step}  loss ${loss.dataSync()[0]!.toFixed(3)}`);
    loss.dispose();
  }
  const test = clusters(300, 0);
  const [logits] = network.predictOnBatch(test.x) as tf.Tensor[];
  const predicted = tf.argMax(logits!, 1).dataSync();
  const right = test.labels.filter((label, i) => label === predicted[i]).length;
  console.log(`clean test accuracy ${((100 * right) / test.labels.length).toFixed(1)} %`);
}

main();
