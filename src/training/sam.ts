import * as tf from '@tensorflow/tfjs-core';
import type { AdamState } from './adam.js';
import type { Gradients, Optimizer, Variables } from './optimizer.js';

export interface SamConfig {
  /** Size ρ of the neighbourhood. Default 0.05. */
  rho?: number;
  /** Measures it relative to each weight (ASAM), for which ρ is some 10 times larger. Default false. */
  adaptive?: boolean;
}

/**
 * Sharpness-aware minimisation around another optimizer: the gradient is taken where the loss is
 * largest nearby, and moves the weights from where they are.
 *
 *     e = ρ · g / ‖g‖,   g' = ∇L(w + e),   w = base(w, g')
 *     adaptive: e = ρ · w²·g / ‖w·g‖
 *
 * A step costs two. Norms are over all variables together. It keeps no state of its own.
 *
 * Source: Foret et al., arXiv 2010.01412; adaptive: Kwon et al., arXiv 2102.11600. Provenance:
 * baseline.
 */
export class Sam implements Optimizer {
  private readonly rho: number;
  private readonly adaptive: boolean;

  /** @throws Error when ρ is not a positive number. */
  constructor(
    private readonly base: Optimizer,
    { rho = 0.05, adaptive = false }: SamConfig = {},
  ) {
    if (!(rho > 0 && Number.isFinite(rho))) {
      throw new Error(`Sam: rho must be a positive number, not ${rho}`);
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
    const before = this.climb(variables, gradients);
    let sharp: Gradients;
    try {
      sharp = await again();
    } finally {
      for (const [name, values] of Object.entries(before)) variables[name]!.assign(values);
      tf.dispose(before);
    }
    await this.base.apply(variables, sharp, learningRate, again);
  }

  getState(): AdamState {
    return this.base.getState();
  }

  setState(state: AdamState): void {
    this.base.setState(state);
  }

  dispose(): void {
    this.base.dispose();
  }

  /** Moves each variable to where the loss is largest nearby. @returns its values before. */
  private climb(variables: Variables, gradients: Gradients): Record<string, tf.Tensor> {
    const scale = tf.tidy(() => {
      const squares = Object.entries(variables).map(([name, variable]) => {
        const gradient = gradients[name]!;
        return tf.sum(tf.square(this.adaptive ? tf.mul(variable, gradient) : gradient));
      });
      return tf.div(this.rho, tf.add(tf.sqrt(tf.addN(squares)), 1e-12));
    });
    const before: Record<string, tf.Tensor> = {};
    for (const [name, variable] of Object.entries(variables)) {
      before[name] = tf.clone(variable);
      tf.tidy(() => {
        const gradient = gradients[name]!;
        const slope = this.adaptive ? tf.mul(tf.square(variable), gradient) : gradient;
        variable.assign(tf.add(variable, tf.mul(slope, scale)));
      });
    }
    scale.dispose();
    return before;
  }
}
