import { expect, it } from 'vitest';
import { LayerScale } from '../../src/index.js';
import { randomArray } from '../support/arrays.js';
import { useBackend } from '../support/backends.js';
import { layerContract } from '../support/layer_contract.js';
import { layerScale } from '../support/reference/index.js';

layerContract(LayerScale, { initialScale: 0.1 }, [randomArray([2, 3, 4], 1)], {
  parameters: { trainable: 4 },
  reference: ([x], [gamma]) => layerScale(x!, gamma!),
});

useBackend('cpu');
it('LayerScale starts from 1e-5', () => {
  const layer = new LayerScale();
  layer.build([null, 2]);
  expect([...layer.getWeights()[0]!.dataSync()]).toEqual([1e-5, 1e-5].map(Math.fround));
});
