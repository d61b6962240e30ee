/** A user's program: stacks a BatchTransformer, trains a step, saves, loads, predicts. Sets `globalThis.result`. */
import { transform } from 'esbuild';

/** Where a program has TensorFlow.js from: the packages for `tf.` and for `tf.layers`. */
export interface Tensorflow {
  core: string;
  layers: string;
}

const main = `
async function main() {
  await tf.setBackend('cpu');
  const image = tfl.input({ shape: [4, 4, 3] });
  const features = tfl.layers.flatten().apply(image) as tfl.SymbolicTensor;
  const vit = tfl.layers.dense({ units: 3, name: 'vit' }).apply(features) as tfl.SymbolicTensor;
  const map = () => {
    const flat = tfl.layers.dense({ units: 12 }).apply(features);
    return tfl.layers.reshape({ targetShape: [3, 4] }).apply(flat) as tfl.SymbolicTensor;
  };
  const named = (x: tfl.SymbolicTensor, name: string) =>
    tfl.layers.activation({ activation: 'linear', name }).apply(x) as tfl.SymbolicTensor;
  const stacked = new BatchTransformer().apply([map(), map(), vit]) as tfl.SymbolicTensor[];
  const outputs = [vit, named(stacked[1]!, 'bt'), named(stacked[0]!, 'cba')];
  const model = tfl.model({ inputs: image, outputs });

  const images = tf.reshape(tf.linspace(-1, 1, 3 * 48), [3, 4, 4, 3]) as tf.Tensor4D;
  const labels = tf.tensor1d([0, 1, 2], 'int32');
  const predict = (by: tfl.LayersModel) =>
    (by.predictOnBatch(images) as tf.Tensor[]).flatMap((output) => [...output.dataSync()]);
  const before = predict(model);
  const batch = { images, labels };
  const { loss } = await trainStep(model, new Adam(), batch, { learningRate: 0.01, seed: 1 });
  const trained = predict(model);

  let saved: tf.io.ModelArtifacts = {};
  await model.save({
    async save(artifacts) {
      saved = artifacts;
      return { modelArtifactsInfo: { dateSaved: new Date(), modelTopologyType: 'JSON' } };
    },
  });
  const loaded = predict(await tfl.loadLayersModel({ load: async () => saved }));
  return {
    loss,
    moved: trained.some((value, i) => value !== before[i]),
    same: loaded.length === trained.length && loaded.every((value, i) => value === trained[i]),
    weights: (await toStateDict(model)).size,
    classes: btnConfig('tiny', { numClasses: 7 }).numClasses,
  };
}
`;

/** The program in TypeScript. @param last What it does with `main()`. */
export function consumerProgram({ core, layers }: Tensorflow, last: string): string {
  return `
import * as tf from '${core}';
import * as tfl from '${layers}';
import '@tensorflow/tfjs-backend-cpu';
import { BatchTransformer } from 'btn-layers';
import { btnConfig } from 'btn-layers/models';
import { Adam, trainStep } from 'btn-layers/training';
import { toStateDict } from 'btn-layers/weights';
${main}
${last}
`;
}

/** The program in JavaScript, with imports or with `require`. */
export async function javascriptOf(program: string, format: 'esm' | 'cjs'): Promise<string> {
  const { code } = await transform(program, { loader: 'ts', format, platform: 'node' });
  return code;
}

/** What is wrong with the program's result, if anything. */
export function problemOf(result: unknown): string | undefined {
  const { loss, moved, same, weights, classes } = result as Record<string, unknown>;
  if (!(Number(loss) > 0)) return `the loss is ${loss}`;
  if (moved !== true) return 'the step changed nothing';
  if (same !== true) return 'the loaded model predicts something else';
  if (weights !== 6 || classes !== 7) return `it has ${weights} weights and ${classes} classes`;
  return undefined;
}
