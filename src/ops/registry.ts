import * as tf from '@tensorflow/tfjs-core';

/** The backends of TensorFlow.js; `tensorflow` is tfjs-node and tfjs-node-gpu. */
const backendNames = ['cpu', 'wasm', 'webgl', 'webgpu', 'tensorflow'] as const;

export interface OpDefinition<Attrs> {
  /** Name under which a backend's own kernel may replace the composite. */
  kernelName: string;
  /** What is computed, in TensorFlow.js ops, on any backend. Runs inside `tidy`. */
  composite(inputs: tf.Tensor[], attrs: Attrs): tf.Tensor[];
  /** Outputs that the gradient needs besides all the inputs; default none. */
  saveOutputs?: boolean[];
  /**
   * Gradient of each input as a thunk: one that is not needed never runs. Made of differentiable
   * ops, so that it has a gradient too. TensorFlow.js runs each thunk in a `tidy` of its own, so
   * what two of them share is computed before them. Absent where nobody differentiates the op, as in
   * optimizers: then no copies of its inputs are kept for it.
   *
   * @param dys Cotangent of each output.
   * @param saved All inputs, then the saved outputs.
   */
  gradient?(dys: tf.Tensor[], saved: tf.Tensor[], attrs: Attrs): (() => tf.Tensor)[];
}

/**
 * Registers an op — its composite on every backend and its gradient — and returns the function that
 * runs it. A kernel that is already registered stays: the package may be loaded twice (ESM and
 * CommonJS), or a faster kernel may have come first.
 */
export function defineOp<Attrs extends object>(
  definition: OpDefinition<Attrs>,
): (inputs: tf.Tensor[], attrs: Attrs) => tf.Tensor[] {
  const { kernelName, saveOutputs = [], gradient } = definition;
  for (const backendName of backendNames) {
    if (tf.getKernel(kernelName, backendName)) continue;
    tf.registerKernel({
      kernelName,
      backendName,
      kernelFunc: ({ inputs, attrs }) =>
        tf.tidy(() =>
          definition.composite(inputs as unknown as tf.Tensor[], attrs as unknown as Attrs),
        ),
    });
  }
  if (gradient && !tf.getGradient(kernelName)) {
    tf.registerGradient({
      kernelName,
      saveAllInputs: true,
      outputsToSave: saveOutputs,
      gradFunc: (dy, saved, attrs) => {
        const dys = Array.isArray(dy) ? dy : [dy];
        const given = attrs as unknown as Attrs;
        return Object.fromEntries(Object.entries(gradient(dys, reconnected(saved, given), given)));
      },
    });
  }
  /**
   * TensorFlow.js puts a saved output on the tape before the op that made it, which cuts it off from
   * the inputs: where a gradient is differentiated in turn, the outputs are computed anew.
   */
  const reconnected = (saved: tf.Tensor[], attrs: Attrs) => {
    const count = saveOutputs.filter((save) => save).length;
    if (count === 0 || tf.engine().state.gradientDepth === 0) return saved;
    const inputs = saved.slice(0, -count);
    return [...inputs, ...run(inputs, attrs).filter((_, i) => saveOutputs[i])];
  };
  const run = (inputs: tf.Tensor[], attrs: Attrs) => {
    const outputs: unknown = tf
      .engine()
      .runKernel(kernelName, inputs as unknown as tf.NamedTensorMap, attrs as tf.NamedAttrMap);
    return (Array.isArray(outputs) ? outputs : [outputs]) as tf.Tensor[];
  };
  return run;
}

/**
 * Registers the gradients of an op, all at once, as an op of their own that a backend's kernel may
 * compute. Where they are differentiated in turn, the composite runs in place of the kernel: it must
 * be made of differentiable ops.
 */
export function defineGradientOp<Attrs extends object>({
  kernelName,
  composite,
}: Pick<OpDefinition<Attrs>, 'kernelName' | 'composite'>): typeof composite {
  const run = defineOp<Attrs>({ kernelName, composite });
  return (inputs, attrs) =>
    tf.engine().state.gradientDepth === 0 ? run(inputs, attrs) : composite(inputs, attrs);
}
