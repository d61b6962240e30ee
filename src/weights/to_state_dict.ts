import type { LayersModel, layers } from '@tensorflow/tfjs-layers';
import { relativePositionIndex } from '../ops/relative_position_bias.js';
import { toTorchLayout } from './layout.js';
import type { StateDict } from './state_dict.js';
import { joinPath, modulePath, torchWeights } from './torch_names.js';

/**
 * The weights of a model as a PyTorch state dict: PyTorch's names, shapes and layouts, float32. What
 * PyTorch stores beside them is there as well (counters of batches, relative position indices), so that
 * `load_state_dict(strict=True)` accepts it.
 *
 * @example
 * const stateDict = await toStateDict(model); // a tiny BTN-7
 * const { dtype, shape } = stateDict.get('VIT.head.linear.weight')!;
 * console.log(dtype, shape); // float32 [ 7, 64 ]
 */
export async function toStateDict(model: LayersModel): Promise<StateDict> {
  const stateDict: StateDict = new Map();
  for (const { name, layout, weight } of torchWeights(model)) {
    const values = (await weight.read().data()) as Float32Array;
    stateDict.set(name, {
      dtype: 'float32',
      ...toTorchLayout(values, weight.shape as number[], layout),
    });
  }
  for (const layer of model.layers) addBuffers(stateDict, layer);
  return stateDict;
}

/** What a PyTorch module keeps but does not learn from data. */
function addBuffers(stateDict: StateDict, layer: layers.Layer): void {
  const at = (name: string) => joinPath(modulePath(layer), name);
  switch (layer.getClassName()) {
    case 'BtnBatchNorm':
      stateDict.set(at('num_batches_tracked'), {
        dtype: 'int64',
        shape: [],
        data: BigInt64Array.of(0n),
      });
      break;
    case 'LandmarkAttention': {
      const tokens = (layer.outputShape as number[])[1]!;
      const index = relativePositionIndex(Math.sqrt(tokens));
      stateDict.set(at('relative_position_index'), {
        dtype: 'int64',
        shape: [tokens, tokens],
        data: BigInt64Array.from(index, BigInt),
      });
    }
  }
}
