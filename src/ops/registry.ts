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
   * what two of them share is computed before them.
   *
   * @param dys Cotangent of each output.
   * @param saved All inputs, then the saved outputs.
   */
  gradient(dys: tf.Tensor[], saved: tf.Tensor[], attrs: Attrs): (() => tf.Tensor)[];
}

/**
 * Registers an op — its composite on every backend and its gradient — and returns the function that
 * runs it. A kernel that is already registered stays: the package may be loaded twice (ESM and
 * CommonJS), or a faster kernel may have come first.
 */
export function defineOp<Attrs extends object>(
  definition: OpDefinition<Attrs>,
): (inputs: tf.Tensor[], attrs: Attrs) => tf.Tensor[] {
  const { kernelName } = definition;
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
  if (!tf.getGradient(kernelName)) {
    tf.registerGradient({
      kernelName,
      saveAllInputs: true,
      outputsToSave: definition.saveOutputs ?? [],
      gradFunc: (dy, saved, attrs) => {
        const dys = Array.isArray(dy) ? dy : [dy];
        return Object.fromEntries(
          Object.entries(definition.gradient(dys, saved, attrs as unknown as Attrs)),
        );
      },
    });
  }
  return (inputs, attrs) => {
    const outputs: unknown = tf
      .engine()
      .runKernel(kernelName, inputs as unknown as tf.NamedTensorMap, attrs as tf.NamedAttrMap);
    return (Array.isArray(outputs) ? outputs : [outputs]) as tf.Tensor[];
  };
}
