/** The optimized network at full size: the logits of the plain one, from fewer layers. */
import { describe, expect, it } from 'vitest';
import { btn, btnConfig, optimizeForInference } from '../../src/models/index.js';
import { asList, tidied } from '../support/arrays.js';
import { expectNoLeaks, useBackend } from '../support/backends.js';
import { goldenImages } from '../support/golden_networks.js';
import { difference, magnitude, setFormulaWeights } from '../support/goldens.js';

describe('optimizeForInference at full size', () => {
  useBackend('wasm');
  expectNoLeaks();

  it.each([{ outputs: ['vit'] }, { outputs: ['vit', 'bt', 'cba'] }])(
    'keeps the outputs $outputs',
    async ({ outputs }) => {
      const config = btnConfig('full', { numClasses: 7 });
      const model = btn(config, { startsFromZeros: () => true });
      await setFormulaWeights(model);
      const fast = optimizeForInference(model, { outputs });
      expect(fast.outputNames).toEqual(outputs);
      const [expected, actual] = [model, fast].map((each) => {
        const values = tidied(() =>
          asList(each.predictOnBatch(goldenImages(2, config))).map((output) =>
            Float32Array.from(output.dataSync()),
          ),
        );
        each.dispose();
        return new Map(each.outputNames.map((name, i) => [name, values[i]!]));
      }) as [Map<string, Float32Array>, Map<string, Float32Array>];
      for (const name of outputs) {
        const [found, plain] = [actual.get(name)!, expected.get(name)!];
        expect(difference(found, plain) / magnitude(plain), name).toBeLessThan(1e-4);
      }
    },
  );
});
