/**
 * Gradients of one's own op and layer, checked against central differences. Swish with a slope that is learned, x · σ(β·x),
 * has a gradient written by hand; then the same with a slip in it, to see what the checker says.
 *
 *     npx tsx examples/check_gradients.ts
 */
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import '@tensorflow/tfjs-backend-wasm';
import { checkGradients, checkLayer, type NdArray, ndArray, randomArray } from 'btn-layers/testing';

/** x · σ(β·x) of `x`, any shape, and the scalar `beta`. With `slip`, σ′ lacks its factor β. */
function swish(x: tf.Tensor, beta: tf.Tensor, slip = false): tf.Tensor {
  const op = tf.customGrad((...args) => {
    const [at, slope, save] = args as [tf.Tensor, tf.Tensor, tf.GradSaveFunc];
    const gate = tf.sigmoid(tf.mul(at, slope));
    save([at, slope, gate]);
    return {
      value: tf.mul(at, gate),
      gradFunc: (dy, saved) => {
        const [x, beta, gate] = saved as [tf.Tensor, tf.Tensor, tf.Tensor];
        const bend = tf.mul(gate, tf.sub(1, gate));
        const dx = tf.add(gate, tf.mul(x, slip ? bend : tf.mul(beta, bend)));
        return [
          tf.mul(dy as tf.Tensor, dx),
          tf.sum(tf.mul(dy as tf.Tensor, tf.mul(tf.square(x), bend))),
        ];
      },
    };
  });
  return op(x, beta);
}

class Swish extends tfl.layers.Layer {
  static readonly className = 'Swish';
  private beta!: tfl.LayerVariable;

  override build(): void {
    this.beta = this.addWeight('beta', [], 'float32', tfl.initializers.ones());
    this.built = true;
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    return tf.tidy(() => swish([inputs].flat()[0]!, this.beta.read()));
  }
}
tf.serialization.registerClass(Swish);

/** The definition once more, in plain numbers: float64, so that errors of 1e-4 show. */
function definition(x: NdArray, beta: NdArray): NdArray {
  return ndArray(x.shape, (i) => x.data[i]! / (1 + Math.exp(-beta.data[0]! * x.data[i]!)));
}

async function main(): Promise<void> {
  await tf.setBackend('wasm');
  const inputs = [randomArray([2, 3], 1), ndArray([], [1.5])];
  const reference = (x?: NdArray, beta?: NdArray) => definition(x!, beta!);

  const right = checkGradients((x, beta) => swish(x!, beta!), inputs, { reference });
  for (const { name, error } of [...right.outputs, ...right.gradients]) {
    console.log(`${name}: error ${error.toExponential(1)}`);
  }
  console.log('right:', right.failures);

  const wrong = checkGradients((x, beta) => swish(x!, beta!, true), inputs, { reference });
  console.log('with a slip:', wrong.failures);

  // Without a reference the op's own float32 outputs are differenced: coarser, and no second formula to write.
  const alone = checkGradients((x, beta) => swish(x!, beta!, true), inputs);
  console.log('with a slip, no reference:', alone.failures);

  // A layer: also its shapes, configuration, saving and loading, and the gradients of its weights.
  const layer = await checkLayer(Swish, {}, [randomArray([2, 3], 1)], {
    reference: ([x], [beta]) => definition(x!, beta!),
  });
  console.log('layer:', layer.failures);
}

main();
