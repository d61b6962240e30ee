import { promises as fs } from 'node:fs';
import { basename, join } from 'node:path';
import { describeFileError, firstLine, UserError } from '../user_error.js';
import type { TrainOptions } from './train_options.js';
import { type GivenSettings, mergedSettings, readSettings } from './train_settings.js';

/**
 * Options with the settings of `config`, if it names a run, where none are given.
 *
 * @throws UserError when that cannot be read, holds what is no setting, or a run is to go on, which brings
 *   its own.
 */
export async function withConfig(options: TrainOptions): Promise<TrainOptions> {
  const { config, resume } = options;
  if (config === undefined) return options;
  if (resume !== undefined) {
    throw new UserError(
      'InvalidSettings',
      '--config is for a new run: --resume brings the settings of its own',
    );
  }
  const saved = await readConfig(config);
  return { ...options, ...mergedSettings(saved, options), resume: saved.initialWeights };
}

async function readConfig(named: string): Promise<GivenSettings> {
  const path = basename(named).endsWith('.json') ? named : join(named, 'config.json');
  const text = await fs.readFile(path, 'utf8').catch((error: unknown) => {
    throw new UserError('InvalidSettings', `cannot read ${path}: ${describeFileError(error)}`, {
      cause: error,
    });
  });
  try {
    return readSettings(JSON.parse(text));
  } catch (error) {
    throw new UserError('InvalidSettings', `${path} is no run's config.json: ${firstLine(error)}`, {
      cause: error,
    });
  }
}
