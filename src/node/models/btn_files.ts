import type { LayersModel } from '@tensorflow/tfjs-layers';
import { btn } from '../../models/btn.js';
import type { BtnConfig, Preset } from '../../models/config.js';
import { optimizeForInference } from '../../models/optimize_for_inference.js';
import { classNamesOf, type DataType, dataTypes, isDataType } from '../../training/data_types.js';
import {
  type ApplyReport,
  applyStateDict,
  describeMisfit,
} from '../../weights/apply_state_dict.js';
import {
  type BtnParts,
  type Identity,
  identifyStateDict,
  isBtnModule,
} from '../../weights/identify.js';
import { modelFolder } from '../checkpoint/checkpoint.js';
import { firstLine, UserError } from '../user_error.js';
import { loadModelFiles } from './model_files.js';
import { isWeightsFile, readWeightsFile, type WeightsFile } from './weights_file.js';

/** What a BTN file says of itself. */
export interface BtnMetadata {
  /** Whose size it has. */
  preset: Preset;
  /** From which `btn` made it. */
  config: BtnConfig;
  /** What it was trained on. */
  dataType: DataType;
  /** In label order. */
  classNames: readonly string[];
}

/** What a BTN must be to be of use. */
export interface WantedBtn {
  /** What it was trained on; of a file that does not say, what is to be assumed. */
  dataType?: DataType;
  /** Whose size it has. */
  preset?: Preset;
  /** Of a PyTorch or safetensors file: a JSON file with new names by pattern. */
  rename?: string;
}

/** A BTN with what is known of it. */
export interface LoadedBtn {
  /** The caller's to dispose. */
  model: LayersModel;
  /** What its file says, or what weights alone give away. */
  metadata: BtnMetadata;
  /** The file or folder that was loaded: of a run, the best model. */
  path: string;
  /** What a user must know of how the file fitted, a line each. */
  notes: string[];
}

/** Under which a safetensors file of ours keeps its metadata, as JSON. */
const metadataKey = 'btn_layers';

/** Seed of the weights that a file lacks: the same each time. */
const initialSeed = 1;

/** Writes the metadata into the model, so that it travels with its files. */
export function describeModel(model: LayersModel, metadata: BtnMetadata): void {
  model.setUserDefinedMetadata({ btnLayers: metadata });
}

/**
 * Loads a BTN or POSTER V2 from a run (its best model), a checkpoint's folder, a model.json, a PyTorch
 * checkpoint or a safetensors file.
 *
 * @throws UserError when there is none, it is damaged, of another architecture, or not the one wanted.
 *
 * @example
 * const { model, metadata } = await loadBtn('runs/tiny'); // a run's best model
 * console.log(model.outputNames, metadata.dataType); // [ 'vit', 'bt', 'cba' ] RAF-DB
 */
export async function loadBtn(path: string, wanted: WantedBtn = {}): Promise<LoadedBtn> {
  if (await isWeightsFile(path)) return btnOfWeights(path, wanted);
  if (wanted.rename !== undefined) {
    throw new UserError(
      'InvalidSettings',
      `--rename is for PyTorch and safetensors files: ${path} is neither`,
    );
  }
  const dir = await modelFolder(path);
  const model = await loadModelFiles(dir);
  try {
    return { model, metadata: metadataOf(model, dir, wanted), path: dir, notes: [] };
  } catch (error) {
    model.dispose();
    throw error;
  }
}

/**
 * As `loadBtn`, for inference.
 *
 * @param wanted.vitOnly Keep only `vit`, which sees each image alone, and what it needs.
 */
export async function loadForInference(
  path: string,
  { vitOnly, ...wanted }: WantedBtn & { vitOnly: boolean },
): Promise<LoadedBtn> {
  const loaded = await loadBtn(path, wanted);
  try {
    const outputs = vitOnly ? ['vit'] : loaded.model.outputNames;
    return { ...loaded, model: optimizeForInference(loaded.model, { outputs }) };
  } finally {
    loaded.model.dispose();
  }
}

/**
 * Reads what `describeModel` wrote.
 *
 * @throws UserError when the model is not one of the trainer's, or not the one that is asked for.
 *
 * @example
 * const model = await loadModel('runs/tiny/best');
 * const { preset, classNames } = metadataOf(model, 'runs/tiny/best');
 * console.log(preset, classNames[0]); // tiny surprise
 */
export function metadataOf(model: LayersModel, path: string, wanted: WantedBtn = {}): BtnMetadata {
  const stored = findMetadata(model);
  if (!stored) {
    throw new UserError(
      'InvalidModel',
      `${path} is a model of another architecture (${model.name}), not a BTN that btn-layers trained`,
    );
  }
  checkWanted(path, stored, wanted);
  return stored;
}

/** What `describeModel` wrote, if it did. */
export function findMetadata(model: LayersModel): BtnMetadata | undefined {
  const stored = (model.getUserDefinedMetadata() as { btnLayers?: BtnMetadata } | undefined)
    ?.btnLayers;
  const usable = stored && isDataType(stored.dataType) && Array.isArray(stored.classNames);
  return usable ? stored : undefined;
}

/** The metadata of a safetensors file that `loadBtn` understands. */
export function safetensorsMetadata(metadata: BtnMetadata): Record<string, string> {
  return { format: 'pt', [metadataKey]: JSON.stringify(metadata) };
}

function checkWanted(path: string, metadata: BtnMetadata, wanted: WantedBtn): void {
  const { dataType, preset, classNames } = metadata;
  if (wanted.dataType && wanted.dataType !== dataType) {
    throw new UserError(
      'InvalidModel',
      `${path} was trained on ${dataType} (${classNames.length} classes), ` +
        `not on ${wanted.dataType}: pass --data_type ${dataType}`,
    );
  }
  if (wanted.preset && wanted.preset !== preset) {
    throw new UserError('InvalidModel', `${path} has the preset ${preset}, not ${wanted.preset}`);
  }
}

async function btnOfWeights(path: string, wanted: WantedBtn): Promise<LoadedBtn> {
  const file = await readWeightsFile(path, wanted.rename);
  const metadata = identify(path, file, wanted.dataType);
  checkWanted(path, metadata, wanted);
  // What a file may lack keeps its initial values: only these are worth their time.
  const startsFromZeros = (layer: string) => !isBtnModule(`${layer}.`);
  const model = build(path, () =>
    btn({ ...metadata.config, seed: initialSeed }, { startsFromZeros }),
  );
  try {
    const report = applyStateDict(model, file.stateDict, { strict: false });
    checkFit(path, report);
    describeModel(model, metadata);
    return { model, metadata, path, notes: notesOn(path, report) };
  } catch (error) {
    model.dispose();
    throw error;
  }
}

/** Options that a file's own word gives may be such that no network can have them. */
function build(path: string, make: () => LayersModel): LayersModel {
  try {
    return make();
  } catch (error) {
    throw new UserError('InvalidModel', `cannot use ${path}: ${firstLine(error)}`, {
      cause: error,
    });
  }
}

/** Only names, switches and options are taken from a file's own word; sizes come from its shapes. */
function identify(path: string, file: WeightsFile, wanted: DataType | undefined): BtnMetadata {
  const own = ownMetadata(path, file.metadata);
  const { preset, config } = identity(path, file, own?.config);
  const { numClasses } = config;
  const dataType = own?.dataType ?? wanted ?? dataTypeOf(path, numClasses);
  const classNames = classNamesOf(dataType);
  if (classNames.length !== numClasses) {
    throw new UserError(
      'InvalidModel',
      `${path} has ${numClasses} classes, but ${dataType} has ${classNames.length}: pass another --data_type`,
    );
  }
  return { preset, config, dataType, classNames };
}

function identity(path: string, { stateDict }: WeightsFile, own: BtnParts | undefined): Identity {
  try {
    const parts = own && {
      multiLevelAttention: own.multiLevelAttention,
      batchTransformer: own.batchTransformer,
    };
    return identifyStateDict(stateDict, parts);
  } catch (error) {
    throw new UserError('InvalidModel', `cannot use ${path}: ${firstLine(error)}`, {
      cause: error,
    });
  }
}

function ownMetadata(path: string, metadata: Record<string, string>): BtnMetadata | undefined {
  const text = metadata[metadataKey];
  if (text === undefined) return undefined;
  try {
    const own = JSON.parse(text) as BtnMetadata;
    if (isDataType(own.dataType) && typeof own.config === 'object') return own;
  } catch {
    // Said below.
  }
  throw new UserError(
    'InvalidModel',
    `${path} is damaged: its metadata ${metadataKey} does not describe a BTN`,
  );
}

/** PyTorch files do not say what they were trained on: the first data set with as many classes. */
function dataTypeOf(path: string, numClasses: number): DataType {
  const names = Object.keys(dataTypes) as DataType[];
  const found = names.find((name) => classNamesOf(name).length === numClasses);
  if (found) return found;
  throw new UserError(
    'InvalidModel',
    `${path} has ${numClasses} classes: the known data sets have 7 or 8`,
  );
}

function checkFit(path: string, report: ApplyReport): void {
  const misfit = {
    ...report,
    missing: report.missing.filter((name) => !isBtnModule(name)),
    unexpected: [],
  };
  const text = describeMisfit(misfit);
  if (text !== '') throw new UserError('InvalidModel', `${path} does not fit the network: ${text}`);
}

function notesOn(path: string, { matched, missing, unexpected, ignored }: ApplyReport): string[] {
  const unused = ignored.length > 0 ? `, ${ignored.length} that the network does not use` : '';
  const notes = [`${path}: ${matched.length} weights set${unused}`];
  if (missing.length > 0) {
    notes.push(
      `warning: ${modulesOf(missing)} keep their initial values, so that results are not the file's`,
    );
  }
  if (unexpected.length > 0) {
    notes.push(
      `warning: ${namesFit(unexpected.length)} nothing: ${modulesOf(unexpected)}; ` +
        'a table given with --rename can map them',
    );
  }
  return notes;
}

function namesFit(count: number): string {
  return count === 1 ? '1 name fits' : `${count} names fit`;
}

/** Modules with how many of their weights are meant: `mla (5), class_query (2)`. */
function modulesOf(names: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const name of names) {
    const module = name.replace(/\.[^.]*$/, '').replace(/\.(query|key|value|output)$/, '');
    counts.set(module, (counts.get(module) ?? 0) + 1);
  }
  return [...counts].map(([module, count]) => `${module} (${count})`).join(', ');
}
