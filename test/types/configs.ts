/** Configurations that are wrong do not compile. `tsc` is what tests this file; nothing runs it. */
import type * as tf from '@tensorflow/tfjs-core';
import type { layers, SymbolicTensor } from '@tensorflow/tfjs-layers';
import {
  BatchTransformer,
  type BtnError,
  BtnLayerNorm,
  ChannelPositionalEncoding,
  ClassBatchAttention,
  DropPath,
  MultiLevelAttention,
  type ShapeError,
  scaledDotProductAttention,
} from 'btn-layers';
import { btn, btnConfig, ir50, optimizeForInference } from 'btn-layers/models';
import { imageFolder, selectBackend, train, type UserErrorCode } from 'btn-layers/node';
import {
  Adam,
  type Batch,
  btnLoss,
  corrupt,
  recipeOf,
  Sam,
  Sgd,
  trainStep,
} from 'btn-layers/training';
import { applyStateDict, type SafetensorsErrorCode } from 'btn-layers/weights';
import { expectTypeOf } from 'vitest';

declare const tensor: tf.Tensor;
declare const logits: tf.Tensor2D;
declare const batch: Batch;
declare const symbolic: SymbolicTensor;
declare const pixels: Uint8Array;

// Layers.
new BatchTransformer({ name: 'bt', encoding: 'learned', scale: 0.5, returnAttention: true });
// @ts-expect-error: an encoding that there is not.
new BatchTransformer({ encoding: 'rotary' });
// @ts-expect-error: a factor is a number.
new BatchTransformer({ scale: '0.5' });
// @ts-expect-error: an unknown key.
new BatchTransformer({ numHeads: 8 });
// @ts-expect-error: an encoding that there is not.
new ChannelPositionalEncoding({ encoding: 'none' });
// @ts-expect-error: an unknown key, misspelt.
new ClassBatchAttention({ returnAtention: true });
// @ts-expect-error: heads are counted.
new MultiLevelAttention({ numHeads: '8' });
// @ts-expect-error: a rate must be given.
new DropPath({});
// @ts-expect-error: PyTorch's name of it.
new BtnLayerNorm({ eps: 1e-5 });
expectTypeOf(new BatchTransformer()).toExtend<layers.Layer>();
new BatchTransformer().apply([symbolic, symbolic, symbolic]);
// @ts-expect-error: no tensors.
new BatchTransformer().apply('query');

// Ops.
scaledDotProductAttention(tensor, tensor, tensor, { numHeads: 8 });
// @ts-expect-error: the number of heads must be given.
scaledDotProductAttention(tensor, tensor, tensor, {});

// Networks.
btn(btnConfig('tiny', { numClasses: 7, batchTransformer: { encoding: 'learned' } }));
// @ts-expect-error: a preset that there is not.
btnConfig('huge', { numClasses: 7 });
// @ts-expect-error: a number of classes is a number.
btnConfig('tiny', { numClasses: 'seven' });
// @ts-expect-error: the number of classes must be given.
btnConfig('tiny', {});
// @ts-expect-error: an unknown key.
btnConfig('tiny', { numClasses: 7, batchTransform: false });
// @ts-expect-error: an unknown key of a part.
btnConfig('tiny', { numClasses: 7, batchTransformer: { heads: 8 } });
// @ts-expect-error: options are not a configuration.
btn({ numClasses: 7 });
// @ts-expect-error: a mode that there is not.
ir50({ mode: 'resnet' });
// @ts-expect-error: three maps have three widths.
ir50({ widths: [64, 128] });
// @ts-expect-error: outputs are a list.
optimizeForInference(btn(btnConfig('tiny', { numClasses: 7 })), { outputs: 'vit' });

// Training.
new Sam(new Sgd({ momentum: 0.9, nesterov: true }), { rho: 0.05 });
// @ts-expect-error: a name of PyTorch's.
new Adam({ lr: 1e-3 });
// @ts-expect-error: SAM is around another optimizer.
new Sam({ rho: 0.05 });
// @ts-expect-error: the data type is one of a list.
recipeOf('FER2013', 'full');
// @ts-expect-error: the learning rate must be given.
trainStep(btn(btnConfig('tiny', { numClasses: 7 })), new Adam(), batch, {});
// @ts-expect-error: a corruption that there is not.
corrupt({ pixels, size: 112 }, [0], 'rain', 1, 1);
// @ts-expect-error: severities are 1 to 5.
corrupt({ pixels, size: 112 }, [0], 'blur', 6, 1);
// @ts-expect-error: λ is called lambda.
btnLoss({ vit: logits }, batch.labels, { gamma: 1 });

// Weights and Node.
// @ts-expect-error: bytes are no state dict.
applyStateDict(btn(btnConfig('tiny', { numClasses: 7 })), pixels);
// @ts-expect-error: a data type that there is not.
imageFolder('faces', 'FER2013');
// @ts-expect-error: a backend that there is not.
selectBackend({ backend: 'cuda' });
// @ts-expect-error: a setting that there is not.
train({ data: 'raf-db', learningrate: 1e-4 });

// Errors.
expectTypeOf<BtnError['code']>().toEqualTypeOf<string>();
expectTypeOf<ShapeError['code']>().toEqualTypeOf<'ShapeMismatch'>();
expectTypeOf<UserErrorCode>().extract<'InvalidData'>().toEqualTypeOf<'InvalidData'>();
expectTypeOf<SafetensorsErrorCode>().extract<'InvalidOffset'>().toEqualTypeOf<'InvalidOffset'>();
