import type { LayersModel, layers } from '@tensorflow/tfjs-layers';

const attentions = ['TransformerBlock', 'LandmarkAttention', 'MultiLevelAttention'];

/** Multiplications with an addition for one image, from the shapes of a model: convolutions, products, attention. */
export function multiplyAdds(model: LayersModel): number {
  return model.layers.reduce((sum, layer) => sum + ofLayer(layer), 0);
}

function ofLayer(layer: layers.Layer): number {
  const shape = [layer.outputShape].flat(2) as number[];
  const places = shape.slice(1, -1).reduce((product, size) => product * size, 1);
  const kernels = layer.weights.filter(({ name }) => /kernel\d?(_\d+)?$/i.test(name));
  const products = kernels.reduce(
    (sum, kernel) => sum + kernel.shape.reduce<number>((n, size) => n * size!, 1),
    0,
  );
  // A gate sees the mean of all places.
  if (layer.getClassName() === 'SqueezeExcite') return products;
  const scores = attentions.includes(layer.getClassName()) ? 2 * places ** 2 * shape.at(-1)! : 0;
  return places * products + scores;
}
