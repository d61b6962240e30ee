/** One network, one set of weights, every backend: the same logits. */
import { expect, it } from 'vitest';
import { btn, btnConfig } from '../../src/models/index.js';
import { describeBackends } from '../support/backends.js';
import { runStages } from '../support/golden_networks.js';
import { difference, Golden, setFormulaWeights } from '../support/goldens.js';

declare module 'vitest' {
  interface TaskMeta {
    /** Largest difference of a logit from PyTorch's: scripts/test_browser.ts reports it. */
    logitDifference?: number;
  }
}

const config = btnConfig('tiny', { numClasses: 7 });
const golden = Golden.read<{ batch: number }>('tiny_btn_7');

describeBackends('the tiny BTN-7', () => {
  // So that any two backends are within 1e-3 of each other.
  it("gives PyTorch's logits to 5e-4", async ({ task }) => {
    const model = btn(config);
    await setFormulaWeights(model);
    const found = runStages(model, config, golden.about.batch);
    const differences = model.outputNames.map((name) =>
      difference(found.get(name)!, golden.values(`logits/${name}`)),
    );
    model.dispose();
    task.meta.logitDifference = Math.max(...differences);
    expect(differences).toHaveLength(3);
    expect(task.meta.logitDifference).toBeLessThan(5e-4);
  });
});
