import { BtnLayerNorm } from '../../src/index.js';
import { randomArray } from '../support/arrays.js';
import { layerContract } from '../support/layer_contract.js';
import { layerNorm } from '../support/reference/index.js';

const x = randomArray([2, 3, 6], 1);

// ε is that of PyTorch, not the 1e-3 of Keras.
layerContract(BtnLayerNorm, {}, [x], {
  parameters: { trainable: 12 },
  reference: ([at], [gamma, beta]) => layerNorm(at!, gamma!, beta!, 1e-5),
});

layerContract(BtnLayerNorm, { epsilon: 0.1 }, [x], {
  parameters: { trainable: 12 },
  reference: ([at], [gamma, beta]) => layerNorm(at!, gamma!, beta!, 0.1),
});
