import type { LayersModel } from '@tensorflow/tfjs-layers';
import { applyStateDict, describeMisfit } from '../../weights/apply_state_dict.js';
import { splitIr50Body } from '../../weights/rename.js';
import type { StateDict } from '../../weights/state_dict.js';
import { UserError } from '../user_error.js';
import { readWeightsFile } from './weights_file.js';

/** Files of pretrained backbones. */
export interface Pretrained {
  /** The image backbone, such as `ir50.pth`. */
  pretrainedIr50?: string;
  /** The landmark backbone, such as `mobilefacenet_model_best.pth.tar`. */
  pretrainedMobilefacenet?: string;
}

/**
 * Sets the backbones of a BTN from their own files, or from those of a whole POSTER V2 or BTN.
 *
 * @returns a line on each file.
 * @throws UserError when a file cannot be read, or is not of that backbone at that size; the model is
 *   of no use then.
 */
export async function loadPretrained(
  model: LayersModel,
  { pretrainedIr50, pretrainedMobilefacenet }: Pretrained,
): Promise<string[]> {
  const files = { ir_back: pretrainedIr50, face_landback: pretrainedMobilefacenet };
  const notes: string[] = [];
  for (const [module, path] of Object.entries(files)) {
    if (path !== undefined) notes.push(await loadModule(model, module, path));
  }
  return notes;
}

async function loadModule(model: LayersModel, module: string, path: string): Promise<string> {
  const { stateDict } = await readWeightsFile(path);
  const own = splitIr50Body(ofModule(stateDict, module));
  const report = applyStateDict(model, own, { strict: false, module });
  const misfit = describeMisfit({ ...report, unexpected: [] });
  if (misfit !== '')
    throw new UserError('InvalidModel', `${path} does not fit the backbone ${module}: ${misfit}`);
  const unused = report.ignored.length + report.unexpected.length;
  return `${path}: ${report.matched.length} weights set, ${unused} that the network does not use`;
}

/** A module's part of a whole network's state dict; one of the module alone is returned as it is. */
function ofModule(stateDict: StateDict, module: string): StateDict {
  const prefix = `${module}.`;
  const part = [...stateDict].filter(([name]) => name.startsWith(prefix));
  if (part.length === 0) return stateDict;
  return new Map(part.map(([name, tensor]) => [name.slice(prefix.length), tensor]));
}
