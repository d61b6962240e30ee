/**
 * An error that this package foresees. `code` says what is wrong, for programs; the message says it for people, with the
 * argument or file, what was found and what was expected. The code holds where `instanceof` does not: between the
 * ES modules and the CommonJS files of this package.
 *
 * @example
 * try {
 *   btnConfig('tiny', { numClasses: 1 });
 * } catch (error) {
 *   if (error instanceof BtnError) console.log(error.code); // InvalidArgument
 * }
 */
export class BtnError<Code extends string = string> extends Error {
  override name = 'BtnError';

  constructor(
    /** What is wrong: one of the codes that the error's class names. */
    readonly code: Code,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/**
 * An argument or a layer's config has a value that it must not have. Its code is `InvalidArgument`.
 *
 * @example
 * try {
 *   new DropPath({ rate: 1.5 });
 * } catch (error) {
 *   if (error instanceof ArgumentError) console.log(error.code, error.message);
 *   // InvalidArgument DropPath: rate must be in [0, 1), not 1.5
 * }
 */
export class ArgumentError extends BtnError<'InvalidArgument'> {
  override name = 'ArgumentError';

  constructor(message: string) {
    super('InvalidArgument', message);
  }
}

/**
 * An input has the wrong rank, or a size that does not fit another input's. Its code is `ShapeMismatch`.
 *
 * @example
 * const [query, key] = [tf.randomNormal([4, 7, 16]), tf.randomNormal([4, 7, 16])];
 * try {
 *   classBatchAttention(query, key, tf.randomNormal([4, 8]));
 * } catch (error) {
 *   if (error instanceof ShapeError) console.log(error.code, error.message);
 *   // ShapeMismatch classBatchAttention: value has classes 8, but query has classes 7 (query [4, 7, 16], value [4, 8])
 * }
 */
export class ShapeError extends BtnError<'ShapeMismatch'> {
  override name = 'ShapeError';

  constructor(message: string) {
    super('ShapeMismatch', message);
  }
}

/**
 * What a backend or a gradient cannot do. Its code is `Unsupported`, or `OutOfMemory` where the wasm backend's memory,
 * at most 4 GiB, is used up.
 *
 * @example
 * const x = tf.ones<tf.Rank.R2>([2, 2]);
 * try {
 *   tf.fused.matMul({ a: x, b: x, activation: 'tanh' as 'relu' }); // none that wasm has a fused kernel for
 * } catch (error) {
 *   if (error instanceof UnsupportedError) console.log(error.code, error.message);
 *   // Unsupported fused kernels on wasm have no activation 'tanh'
 * }
 */
export class UnsupportedError extends BtnError<'Unsupported' | 'OutOfMemory'> {
  override name = 'UnsupportedError';
}
