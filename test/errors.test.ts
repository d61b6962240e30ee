import { describe, expect, it } from 'vitest';
import { BtnError, ClassBatchAttention } from '../src/index.js';
import { btnConfig } from '../src/models/index.js';
import { imageFolder, UserError } from '../src/node/index.js';
import { errorCode } from '../src/node/user_error.js';
import { confusionMatrix } from '../src/training/index.js';
import { loadTorchCheckpoint, readSafetensors } from '../src/weights/index.js';

const mistakes: [code: string, name: string, attempt: () => unknown][] = [
  [
    'ShapeMismatch',
    'ShapeError',
    () =>
      new ClassBatchAttention().computeOutputShape([
        [2, 3],
        [2, 3, 4],
        [2, 3],
      ]),
  ],
  ['InvalidArgument', 'ArgumentError', () => btnConfig('tiny', { numClasses: 1 })],
  ['InvalidArgument', 'ArgumentError', () => confusionMatrix([0], [0, 1], 2)],
  ['HeaderTooSmall', 'SafetensorsError', () => readSafetensors(new Uint8Array(3))],
  ['NotTorchFile', 'TorchFileError', () => loadTorchCheckpoint(new Uint8Array(3))],
  ['InvalidData', 'UserError', () => imageFolder('/nowhere', 'RAF-DB')],
];

describe('errors', () => {
  it.each(mistakes)('have a code: %s of %s', async (code, name, attempt) => {
    const error = await (async () => attempt())().catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(BtnError);
    expect(error).toMatchObject({ code, name });
  });

  it('do not pass for errors of the file system', () => {
    expect(errorCode(Object.assign(new Error(), { code: 'ENOENT' }))).toBe('ENOENT');
    expect(errorCode(new UserError('InvalidData', 'message'))).toBeUndefined();
  });
});
