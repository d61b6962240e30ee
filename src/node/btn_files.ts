import type { LayersModel } from '@tensorflow/tfjs-layers';
import type { BtnConfig, Preset } from '../models/config.js';
import { type DataType, isDataType } from '../training/data_types.js';
import { UserError } from './user_error.js';

/** What a BTN that the trainer saved says of itself. */
export interface BtnMetadata {
  preset: Preset;
  config: BtnConfig;
  dataType: DataType;
  classNames: readonly string[];
}

/** Writes the metadata into the model, so that it travels with its files. */
export function describeModel(model: LayersModel, metadata: BtnMetadata): void {
  model.setUserDefinedMetadata({ btnLayers: metadata });
}

/**
 * Reads what `describeModel` wrote.
 *
 * @throws UserError when the model is not one of the trainer's, or not the one that is asked for.
 */
export function metadataOf(
  model: LayersModel,
  path: string,
  wanted: { dataType?: DataType; preset?: Preset } = {},
): BtnMetadata {
  const stored = (model.getUserDefinedMetadata() as { btnLayers?: BtnMetadata } | undefined)
    ?.btnLayers;
  if (!stored || !isDataType(stored.dataType) || !Array.isArray(stored.classNames)) {
    throw new UserError(
      `${path} is a model of another architecture (${model.name}), not a BTN that btn-layers trained`,
    );
  }
  const { dataType, preset, classNames } = stored;
  if (wanted.dataType && wanted.dataType !== dataType) {
    throw new UserError(
      `${path} was trained on ${dataType} (${classNames.length} classes), ` +
        `not on ${wanted.dataType}: pass --data_type ${dataType}`,
    );
  }
  if (wanted.preset && wanted.preset !== preset) {
    throw new UserError(`${path} has the preset ${preset}, not ${wanted.preset}`);
  }
  return stored;
}
