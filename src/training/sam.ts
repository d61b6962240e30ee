import * as tf from '@tensorflow/tfjs-core';
import { addScaled } from '../ops/add_scaled.js';
import { ArgumentError } from '../ops/errors.js';
import { globalNorm } from './gradient_norm.js';
import type { Gradients, Optimizer, OptimizerState, Variables } from './optimizer.js';

/** Constants of `Sam`. */
export interface SamConfig {
  /** Size ρ of the neighbourhood. Default 0.05. */
  rho?: number;
  /** Measures it relative to each weight (ASAM), for which ρ is some 10 times larger. Default false. */
  adaptive?: boolean;
}

/**
 * Sharpness-aware minimisation around another optimizer: the gradient is taken where the loss is
 * largest nearby, and moves the weights from where they are. The other may be any: one of ours, or one
 * of tfjs's by `fromTfjs`.
 *
 *     e = ρ · g / ‖g‖,   g' = ∇L(w + e),   w = base(w, g')
 *     adaptive: e = ρ · w²·g / ‖w·g‖
 *
 * A step costs two. Norms are over all variables together. In between, the weights as they were are
 * held beside those nearby. It keeps no state of its own.
 *
 * @example
 * const optimizer = new Sam(new Adam(), { rho: 0.05 });
 * const labels = tf.tensor1d([0, 3], 'int32'); // of images [2, 112, 112, 3]
 * const step = await trainStep(model, optimizer, { images, labels }, { learningRate: 1e-3 });
 * console.log(step.loss > 0, step.predictions.length); // true 2
 *
 * Source: Foret et al., arXiv 2010.01412; adaptive: Kwon et al., arXiv 2102.11600. Provenance:
 * baseline.
 */
export class Sam implements Optimizer {
  private readonly rho: number;
  private readonly adaptive: boolean;

  /** @throws ArgumentError when ρ is not a positive number. */
  constructor(
    private readonly base: Optimizer,
    { rho = 0.05, adaptive = false }: SamConfig = {},
  ) {
    if (!(rho > 0 && Number.isFinite(rho))) {
      throw new ArgumentError(`Sam: rho must be a positive number, not ${rho}`);
    }
    this.rho = rho;
    this.adaptive = adaptive;
  }

  /** See `Optimizer`. Variables are where they were when `again` fails. */
  async apply(
    variables: Variables,
    gradients: Gradients,
    learningRate: number,
    again: () => Promise<Gradients>,
  ): Promise<void> {
    const before: Record<string, tf.Tensor> = {};
    let sharp: Gradients;
    try {
      await this.climb(variables, gradients, before);
      sharp = await again();
    } finally {
      for (const [name, values] of Object.entries(before)) variables[name]!.assign(values);
      tf.dispose(before);
    }
    await this.base.apply(variables, sharp, learningRate, again);
  }

  getState(): OptimizerState | Promise<OptimizerState> {
    return this.base.getState();
  }

  setState(state: OptimizerState): void {
    this.base.setState(state);
  }

  dispose(): void {
    this.base.dispose();
  }

  /** Moves each variable to where the loss is largest nearby. @param before Gets the values before. */
  private async climb(
    variables: Variables,
    gradients: Gradients,
    before: Record<string, tf.Tensor>,
  ): Promise<void> {
    const scale = this.rho / ((await this.slope(variables, gradients)) + 1e-12);
    for (const [name, variable] of Object.entries(variables)) {
      before[name] = tf.clone(variable);
      tf.tidy(() => {
        const gradient = gradients[name]!;
        const along = this.adaptive ? tf.mul(tf.square(variable), gradient) : gradient;
        variable.assign(addScaled(variable, along, scale));
      });
    }
  }

  /** ‖g‖, adaptive ‖w·g‖. */
  private async slope(variables: Variables, gradients: Gradients): Promise<number> {
    const names = Object.keys(variables);
    if (!this.adaptive) return globalNorm(names.map((name) => gradients[name]!));
    const products = tf.tidy(() => names.map((name) => tf.mul(variables[name]!, gradients[name]!)));
    return globalNorm(products).finally(() => tf.dispose(products));
  }
}
