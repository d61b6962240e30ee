import { Command, Option } from 'commander';
import { presetNames } from '../models/config.js';
import { version } from '../node/versions.js';
import { corruptionNames } from '../training/corruption.js';
import { type DataType, dataTypes } from '../training/data_types.js';
import { optimizerKinds } from '../training/recipe.js';
import { scheduleKinds } from '../training/schedule.js';
import { convertCommand } from './convert.js';
import { evaluateCommand } from './evaluate.js';
import {
  classWeightsFlag,
  corruptionsFlag,
  integerFlag,
  numberFlag,
  numbersFlag,
  severityFlag,
} from './flags.js';
import { predictCommand } from './predict.js';
import { trainCommand } from './train.js';

/** The command and its flags; the work is done by `btn-layers/node`. */
export function program(): Command {
  const command = new Command('btn-layers')
    .description('Train, evaluate and use Batch Transformer Networks for facial expressions')
    .version(version)
    .configureOutput({ outputError: (text, write) => write(oneLine(text)) });
  addTrain(command);
  addEvaluate(command);
  addPredict(command);
  addConvert(command);
  return command;
}

function addTrain(program: Command): void {
  const command = program
    .command('train')
    .description('train on a folder of images; writes a run folder')
    .option('--data <dir>', 'data set: train/1…C/*.jpg and test/1…C/*.jpg')
    .addOption(dataTypeOption())
    .addOption(
      new Option('--preset <preset>', 'size of the network (default: full)').choices(presetNames),
    )
    .option('--lr <rate>', 'learning rate (default: the recipe of the data type)', numberFlag)
    .option('--batch-size <n>', 'images a step (default: the recipe)', integerFlag)
    .option(
      '--micro-batch <n>',
      'images in memory at once; attention spans the batch all the same (default: the recipe)',
      integerFlag,
    )
    .option('--epochs <n>', 'passes over the data (default: the recipe)', integerFlag)
    .addOption(
      new Option('--optimizer <name>', 'default: adam, as the recipes').choices(optimizerKinds),
    )
    .option('--momentum <part>', 'of sgd (default: 0.9)', numberFlag)
    .option(
      '--weight-decay <part>',
      'L2, of adamw decoupled (default: 0, of adamw 0.01)',
      numberFlag,
    )
    .option(
      '--sam-rho <rho>',
      'sharpness-aware minimisation, 0 for none (default: the recipe)',
      numberFlag,
    )
    .option('--sam-adaptive', 'SAM relative to each weight, with a --sam-rho some 10 times larger')
    .option('--no-sam-adaptive', 'SAM as it is (default)')
    .option('--clip-norm <norm>', 'longest gradient; 0: any (default: 0)', numberFlag)
    .addOption(
      new Option(
        '--schedule <name>',
        'of the learning rate (default: exponential, as the recipes)',
      ).choices(scheduleKinds),
    )
    .option(
      '--decay <factor>',
      'of exponential an epoch (default: the recipe), of step each time (default: 0.1)',
      numberFlag,
    )
    .option('--decay-epochs <n>', 'epochs between two of step (default: 30)', integerFlag)
    .option(
      '--warmup-epochs <n>',
      'epochs, or a part of one, in which the learning rate grows (default: 0)',
      numberFlag,
    )
    .option('--lambda <weight>', 'weight of the ViT loss (default: 1)', numberFlag)
    .option(
      '--label-smoothing <part>',
      'part of each label that is spread over all classes (default: 0)',
      numberFlag,
    )
    .option(
      '--class-weights <w1,w2,…>',
      'in the loss: none, balanced, or one a class (default: none)',
      classWeightsFlag,
    )
    .option('--class-balanced', 'draw each class equally often (default: the recipe)')
    .option('--no-class-balanced', 'draw each image once an epoch')
    .option(
      '--color-jitter <b,c,s,h>',
      'random brightness, contrast, saturation, hue; one number: the first three; none (default)',
      numbersFlag(4, 1),
    )
    .option(
      '--affine <d,t,s,s,s>',
      'random turn in degrees, shift as part, least and greatest scale, shear in degrees; none (default)',
      numbersFlag(5),
    )
    .option(
      '--rand-augment <n,m>',
      'so many random operations of a magnitude up to 30; none (default)',
      numbersFlag(2),
    )
    .option(
      '--validation <part>',
      'part of train/ to hold out, which chooses the best epoch (default: 0, the test split does)',
      numberFlag,
    )
    .option('--seed <n>', 'seed of weights, order and augmentation (default: 1)', integerFlag)
    .option('--max-steps <n>', 'stop after so many steps', integerFlag)
    .option(
      '--keep-checkpoints <n>',
      'how many of the last checkpoints to keep, beside the best (default: 2)',
      integerFlag,
    )
    .option('--out <dir>', 'run folder (default: runs/ and a name by data, preset and time)')
    .option('--config <path>', "settings of another run's config.json; flags go before them")
    .option(
      '--resume <path>',
      'continue a run, or begin one with a .pth, .safetensors or model.json',
    )
    .addOption(renameOption())
    .option('--pretrained-ir50 <file>', 'weights of the image backbone, such as ir50.pth')
    .option('--pretrained-mobilefacenet <file>', 'weights of the landmark backbone')
    .option('--evaluate <path>', 'train nothing, evaluate this checkpoint instead')
    .option('--tensorboard <dir>', 'also write what TensorBoard reads there')
    .addOption(quietOption())
    .addOption(jsonOption())
    .option('--strict', 'fail on an unusable image instead of skipping it');
  addBackendFlags(command).action(trainCommand);
}

function addEvaluate(program: Command): void {
  const command = program
    .command('evaluate')
    .description('evaluate a checkpoint on the test split, each image alone (vit)')
    .option('--data <dir>', 'data set: test/1…C/*.jpg')
    .addOption(dataTypeOption(ofCheckpoint))
    .option('--checkpoint <path>', checkpointHelp)
    .addOption(renameOption())
    .option(
      '--batch-size <n>',
      'images at once; bt and cba depend on it (default: 32)',
      integerFlag,
    )
    .option('--vit-only', 'leave out bt and cba, which depend on who shares a batch')
    .addOption(flipAverageOption())
    .option(
      '--corrupt <names>',
      `also test on corrupted images: all, or of ${corruptionNames.join(',')}`,
      corruptionsFlag,
    )
    .option('--severity <n>', 'only this one of the severities 1 to 5', severityFlag)
    .option('--out <dir>', 'also write report, predictions and charts there')
    .addOption(quietOption())
    .addOption(jsonOption())
    .option('--strict', 'fail on an unusable image instead of skipping it');
  addBackendFlags(command).action(evaluateCommand);
}

function addPredict(program: Command): void {
  const command = program
    .command('predict')
    .description('print the expression of each image, with probabilities')
    .argument('<images...>', 'image files')
    .option('--checkpoint <path>', checkpointHelp)
    .addOption(dataTypeOption(ofCheckpoint))
    .addOption(renameOption())
    .addOption(flipAverageOption())
    .option('--json', 'print JSON instead of a table')
    .option('--strict', 'fail on an unusable image instead of skipping it');
  addBackendFlags(command).action(predictCommand);
}

function addConvert(program: Command): void {
  program
    .command('convert')
    .description('convert weights: .pth (read only), .safetensors, TensorFlow.js model folder')
    .argument('<from>', 'a .pth, a .safetensors, a model.json or the folder of a model or a run')
    .argument('<to>', 'a new NAME.safetensors, or a new folder for a TensorFlow.js model')
    .addOption(dataTypeOption(ofCheckpoint))
    .addOption(renameOption())
    .action(convertCommand);
}

const ofCheckpoint =
  'what it was trained on (default: what the file says; a .pth: RAF-DB, AffectNet-8)';

const checkpointHelp =
  'a run folder (its best), a checkpoint folder, a model.json, a .pth or a .safetensors';

/** Of `error: unknown option '--bach-size'\n(Did you mean --batch-size?)\n`. */
function oneLine(text: string): string {
  const message = text
    .trim()
    .replace(/^error: /, '')
    .replaceAll('\n', ' ');
  return `btn-layers: ${message} (--help lists the flags)\n`;
}

function addBackendFlags(command: Command): Command {
  return command
    .addOption(
      new Option(
        '--backend <name>',
        'default: wasm; tensorflow needs @tensorflow/tfjs-node, webgpu the package webgpu',
      ).choices(['wasm', 'tensorflow', 'webgpu', 'cpu']),
    )
    .option('--gpu <n>', 'use this GPU: needs @tensorflow/tfjs-node-gpu')
    .option('--allow-software-gpu', 'on webgpu: take a GPU that is a program, slower than wasm')
    .option('--workers <n>', 'threads on wasm (default: physical cores)', integerFlag);
}

function quietOption(): Option {
  return new Option('--quiet', 'print errors and the final result only').conflicts('json');
}

function jsonOption(): Option {
  return new Option('--json', 'print JSON instead, an object a line');
}

function flipAverageOption(): Option {
  return new Option('--flip-average', 'average probabilities with those of the mirror image');
}

function renameOption(): Option {
  return new Option('--rename <file>', 'JSON table of names by pattern, for a .pth of other names');
}

function dataTypeOption(what = 'the data set (default: RAF-DB)'): Option {
  return new Option('--data-type <type>', `${what}, also --data_type`).choices(
    Object.keys(dataTypes) as DataType[],
  );
}
