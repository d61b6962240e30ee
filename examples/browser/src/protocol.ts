/** What the page and the worker that computes say to each other. */

export const backends = ['wasm', 'webgl', 'webgpu'] as const;

export type Backend = (typeof backends)[number];

/** How an image can be made worse: those of btn-layers' corruptions that a slider can show. */
export const damages = ['occlusion', 'blur', 'dark'] as const;

/** Severities from 0, none, to 5. */
export type Damage = Readonly<Record<(typeof damages)[number], number>>;

export const undamaged: Damage = { occlusion: 0, blur: 0, dark: 0 };

/** A face of the batch. */
export interface BatchItem {
  id: number;
  damage: Damage;
}

export const outputs = ['vit', 'cba', 'bt'] as const;

export type Output = (typeof outputs)[number];

export interface ModelInfo {
  /** Where it is from. */
  name: string;
  classNames: readonly string[];
  inputSize: number;
  parameters: number;
  /** Without it, there is only `vit`. */
  hasBatchTransformer: boolean;
}

/** Probabilities by output, `[B, C]` each. */
export type Probabilities = { vit: number[][] } & Partial<Record<Output, number[][]>>;

/** What the network makes of a batch. */
export interface Reading {
  probabilities: Probabilities;
  /** `attention[c][i][j]`: how much face i listens to face j for class c. */
  attention?: number[][][];
}

/** A file that was chosen or dropped, with its place in the folder that it came in. */
export interface NamedFile {
  path: string;
  file: File;
}

/** A sheet of drawn faces, a row a class. */
export interface FaceSheet {
  classNames: readonly string[];
  /** By class. */
  pictures: ImageData[][];
}

export interface TrainingSettings {
  epochs: number;
  /** Whether to go on from the model in use, instead of from random weights. */
  fromModel: boolean;
  seed: number;
}

export interface TrainingProgress {
  /** From 1 on. */
  step: number;
  steps: number;
  stepsPerEpoch: number;
  /** Cross-entropy of each output, of the batch of the step. */
  losses: Partial<Record<Output, number>>;
  /** At the end of an epoch: the share of unseen faces that `vit` names rightly. */
  accuracy?: number;
  /** Tensors in memory after the step. */
  tensors: number;
}
