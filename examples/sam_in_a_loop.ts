/**
 * Sharpness-aware minimisation (SAM) in a plain TensorFlow.js loop, around one of TensorFlow.js' own optimizers: one
 * call computes the gradients, and SAM calls it again where the loss is largest nearby. Two interleaved half moons, a
 * fifth of the labels wrong; the same network learns with and without it, and each is tested on clean labels.
 *
 *     npx tsx examples/sam_in_a_loop.ts
 *     npx tsx examples/sam_in_a_loop.ts --rho 0.2 --steps 1000
 */
import { parseArgs } from 'node:util';
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import '@tensorflow/tfjs-backend-wasm';
import { fromTfjs, type Gradients, Sam, seededRandom } from 'btn-layers/training';

const { values } = parseArgs({
  options: {
    rho: { type: 'string', default: '0.1' },
    steps: { type: 'string', default: '400' },
  },
});

/** Points `[count, 2]` of two half moons, and 0 or 1 for each, which with probability `wrong` is the other. */
function moons(count: number, wrong: number, seed: number) {
  const { uniform } = seededRandom(seed);
  const points = Array.from({ length: count }, (_, i) => {
    const [moon, angle] = [i % 2, Math.PI * uniform()];
    const [x, y] = [Math.cos(angle), Math.sin(angle)];
    const jitter = () => 0.4 * (uniform() - 0.5);
    return [(moon ? 1 - x : x) + jitter(), (moon ? 0.5 - y : y) + jitter()];
  });
  const labels = points.map((_, i) => (uniform() < wrong ? 1 - (i % 2) : i % 2));
  return { x: tf.tensor2d(points), y: tf.tensor2d(labels, [count, 1]) };
}

function network(): tfl.LayersModel {
  const layer = (units: number, seed: number, activation?: 'relu') =>
    tfl.layers.dense({
      units,
      activation,
      kernelInitializer: tfl.initializers.heNormal({ seed }),
      ...(seed === 1 && { inputShape: [2] }),
    });
  return tfl.sequential({ layers: [layer(64, 1, 'relu'), layer(64, 2, 'relu'), layer(1, 3)] });
}

const lossOf = (model: tfl.LayersModel, { x, y }: ReturnType<typeof moons>) =>
  tf.losses.sigmoidCrossEntropy(y, model.apply(x) as tf.Tensor) as tf.Scalar;

async function main(): Promise<void> {
  await tf.setBackend('wasm');
  const [train, test] = [moons(100, 0.2, 1), moons(1000, 0, 2)];
  for (const withSam of [false, true]) {
    const model = network();
    const variables = Object.fromEntries(
      model.trainableWeights.map((weight) => {
        const variable = weight.read() as tf.Variable;
        return [variable.name, variable];
      }),
    );
    const adam = fromTfjs(tf.train.adam());
    const optimizer = withSam ? new Sam(adam, { rho: Number(values.rho) }) : adam;

    for (let step = 1; step <= Number(values.steps); step++) {
      const losses: number[] = [];
      const taken: Gradients[] = [];
      // Where the variables are now, which SAM asks for twice.
      const gradients = async (): Promise<Gradients> => {
        const compute = () => lossOf(model, train);
        const { value, grads } = tf.variableGrads(compute, Object.values(variables));
        losses.push((await value.data())[0]!);
        taken.push(grads);
        value.dispose();
        return grads;
      };
      await optimizer.apply(variables, await gradients(), 0.01, gradients);
      tf.dispose(taken);
      if (step % 100 === 0) {
        console.log(`${withSam ? 'SAM ' : 'Adam'} step ${step}  loss ${losses[0]!.toFixed(3)}`);
      }
    }
    const right = tf.tidy(() => {
      const positive = tf.greater(model.predictOnBatch(test.x) as tf.Tensor, 0);
      return tf.mean(tf.cast(tf.equal(tf.cast(positive, 'float32'), test.y), 'float32'));
    });
    const percent = (100 * right.dataSync()[0]!).toFixed(1);
    console.log(`${withSam ? 'SAM ' : 'Adam'} is right on ${percent} % of clean points\n`);
    right.dispose();
    model.dispose();
  }
}

main();
