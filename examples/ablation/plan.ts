import type { TrainSettings } from 'btn-layers/node';

/** What is done to the pictures or labels. */
export const conditions = ['clean', 'wrong labels', 'occluded', 'low resolution'] as const;

export type Condition = (typeof conditions)[number];

type Layers = Pick<TrainSettings, 'multiLevelAttention' | 'batchTransformer'>;

/** POSTER V2, and what BTN adds to it: multi-level attention (MLA) and the batch transformer (BT). */
export const networks = {
  'POSTER V2': { multiLevelAttention: false, batchTransformer: false },
  '+MLA': { multiLevelAttention: true, batchTransformer: false },
  '+BT': { multiLevelAttention: false, batchTransformer: true },
  BTN: { multiLevelAttention: true, batchTransformer: true },
} as const satisfies Record<string, Layers>;

export type Network = keyof typeof networks;

export const networkNames = Object.keys(networks) as Network[];

/** What is the same in all runs. */
export interface Size {
  /** Pictures of each class. */
  trainPerClass: number;
  testPerClass: number;
  epochs: number;
}

/** One training run: plain data, which is also its name in the results. */
export interface Run extends Size {
  condition: Condition;
  network: Network;
  /** What a run of the sweep changes, in words; empty in the main part. */
  change: string;
  /** Settings beyond the tiny recipe and the network's. */
  settings: Partial<Layers & Pick<TrainSettings, 'lambda' | 'batchSize' | 'learningRate'>>;
  /** Of weights, order and augmentation. */
  seed: number;
}

/** Batch size and learning rate of the tiny recipe. */
const recipe = { batchSize: 16, learningRate: 1e-3 };

/** Every network under every condition, seed by seed, so that an unfinished plan has whole seeds. */
export function mainPlan(size: Size, seeds: number): Run[] {
  return seedsOf(seeds).flatMap((seed) =>
    conditions.flatMap((condition) =>
      networkNames.map((network) => ({
        ...size,
        condition,
        network,
        change: '',
        settings: {},
        seed,
      })),
    ),
  );
}

interface Change extends Pick<Run, 'change' | 'settings'> {
  /** How much longer it trains. Default 1. */
  times?: number;
}

const lambdas: Change[] = [0.5, 2].map((lambda) => ({
  change: `λ ${lambda}`,
  settings: { lambda },
}));

/** Of Adam, the learning rate grows with the root of the batch. */
const batchSizes: Change[] = [32, 64, 144].map((batchSize) => ({
  change: `batch ${batchSize}`,
  settings: {
    batchSize,
    learningRate: recipe.learningRate * Math.sqrt(batchSize / recipe.batchSize),
  },
}));

/** Whoever learns more slowly may still end higher. */
const longer: Change = { change: '4 × the epochs', settings: {}, times: 4 };

/** The other values of what the paper leaves open. */
const reconstructions: Change[] = [
  { change: 'encoding learned', settings: { batchTransformer: { encoding: 'learned' } } },
  { change: 'MLA value projection', settings: { multiLevelAttention: { valueProjection: true } } },
  {
    change: 'MLA output projection',
    settings: { multiLevelAttention: { outputProjection: true } },
  },
  { change: 'MLA no positions', settings: { multiLevelAttention: { positionEmbedding: false } } },
  { change: 'MLA 1 head', settings: { multiLevelAttention: { numHeads: 1 } } },
];

/**
 * With wrong labels, BTN with one change at a time; with another batch size and with longer training, POSTER V2 as
 * well.
 */
export function sweepPlan(size: Size, seeds: number): Run[] {
  const planned: (Change & { network: Network })[] = [
    ...networksAt({ change: '', settings: {} }),
    ...lambdas.map((change) => ({ ...change, network: 'BTN' as const })),
    ...batchSizes.flatMap(networksAt),
    ...reconstructions.map((change) => ({ ...change, network: 'BTN' as const })),
    ...networksAt(longer),
  ];
  return seedsOf(seeds).flatMap((seed) =>
    planned.map(({ network, change, settings, times = 1 }) => ({
      ...size,
      epochs: size.epochs * times,
      condition: 'wrong labels' as const,
      network,
      change,
      settings,
      seed,
    })),
  );
}

function networksAt(change: Change) {
  return (['POSTER V2', 'BTN'] as const).map((network) => ({ ...change, network }));
}

function seedsOf(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i + 1);
}
