/** The four networks at full size against PyTorch: every logit, and each stage before. */
import { describe, expect, it } from 'vitest';
import { type BtnConfig, btn, btnConfig } from '../../src/models/index.js';
import { expectNoLeaks, useBackend } from '../support/backends.js';
import { checksum } from '../support/formula.js';
import { runStages, stageError } from '../support/golden_networks.js';
import { expectWithin, Golden, groupError, setFormulaWeights } from '../support/goldens.js';

type Output = 'vit' | 'bt' | 'cba';

interface Network {
  parameters: number;
  /** Of all weights by formula. */
  checksum: number;
  float32Errors: Partial<Record<Output, number>>;
}

const golden = Golden.read<{ batch: number; networks: Record<string, Network> }>('full');
const { batch, tolerance, networks } = golden.about;

const withoutBtn = { multiLevelAttention: false, batchTransformer: false };
const configs: Record<string, BtnConfig> = {
  poster_v2_7: btnConfig('full', { numClasses: 7, ...withoutBtn }),
  btn_7: btnConfig('full', { numClasses: 7 }),
  poster_v2_8: btnConfig('full', { numClasses: 8, ...withoutBtn }),
  btn_8: btnConfig('full', { numClasses: 8 }),
};

describe('networks at full size agree with PyTorch', () => {
  useBackend('wasm');
  expectNoLeaks();

  it.each(Object.entries(configs))('%s', async (what, config) => {
    const { parameters, checksum: expectedSum, float32Errors } = networks[what]!;
    const model = btn(config);
    const weights = [...(await setFormulaWeights(model))].filter(
      ([, { dtype }]) => dtype === 'float32',
    );
    const sums = weights.map(([, { data }]) => checksum(data as Float32Array));
    expect(sums.reduce((sum, value) => (sum + value) % 2 ** 32, 0)).toBe(expectedSum);
    const learned = weights.filter(([name]) => !name.includes('running_'));
    expect(learned.reduce((sum, [, { data }]) => sum + data.length, 0)).toBe(parameters);

    const stages = runStages(model, config, batch);
    model.dispose();
    const check = (quantity: string, error: number, torch?: number) =>
      expectWithin({ what, quantity, backend: 'wasm', error, tolerance, torch });
    // Stages in their order, so that the first failure tells where the difference begins.
    for (const [name, values] of stages) {
      if (Object.hasOwn(float32Errors, name)) {
        const expected = new Map([[name, golden.values(`${what}/logits/${name}`)]]);
        check(name, groupError(stages, expected), float32Errors[name as Output]);
        continue;
      }
      const [summary, samples] = ['summary', 'samples'].map((part) =>
        golden.values(`${what}/stage/${name}/${part}`),
      ) as [Float32Array, Float32Array];
      check(`stage ${name}`, stageError(name, values, { summary, samples }));
    }
  });
});
