import { ArgumentError } from '../ops/errors.js';
import { CompiledMemory, laidOut, put } from './compiled_memory.js';
import { normaliseBinary } from './normalise_binary.js';
import { type Random, seededRandom } from './random.js';
import {
  between,
  type ColorJitter,
  jitterColor,
  mostMagnitude,
  moveAtRandom,
  type RandAugment,
  type RandomAffine,
  randAugment,
} from './random_transforms.js';

/**
 * Mean and standard deviation of ImageNet's RGB channels, of values from 0 to 1.
 *
 * @example
 * const [red] = normalise({ pixels: Uint8Array.of(124, 116, 104), size: 1 });
 * console.log(Math.round(255 * (red * imageNet.std[0] + imageNet.mean[0]))); // 124
 */
export const imageNet = {
  mean: [0.485, 0.456, 0.406],
  std: [0.229, 0.224, 0.225],
} as const;

/** Exported by assembly/normalise.ts. */
interface Compiled {
  normalise(pixels: number, count: number, table: number, out: number): void;
}

const normaliser = new CompiledMemory<Compiled>(normaliseBinary);
/** So much at a time: it stays in the cache of a core. */
const stripBytes = 3 * 2 ** 13;
const layout = laidOut({ table: 4 * 3 * 256, pixels: stripBytes, out: 4 * stripBytes });

/** Blanks one rectangle of an image (Zhong et al., arXiv 1708.04896), as torchvision draws it. */
export interface RandomErasing {
  /** That an image is erased at all, 0…1. */
  probability: number;
  /** Least and greatest share of the image's area. */
  area: [least: number, greatest: number];
  /** Least and greatest height over width. */
  aspect: [least: number, greatest: number];
}

/** What happens to an image before it is trained on, in this order. */
export interface Augmentation {
  /** Probability of a horizontal flip. */
  flip: number;
  /** Turn, shift, scale and shear. Default: none. */
  affine?: RandomAffine;
  /** Changes of colour. Default: none. */
  colorJitter?: ColorJitter;
  /** Operations of a list. Default: none. */
  randAugment?: RandAugment;
  /** Of the normalised image: what is erased is ImageNet's mean colour. */
  erasing?: RandomErasing;
}

type Check = [name: string, value: number, least: number, most: number];

/** What is wrong with an augmentation, in words; nothing where it can be used. */
export function problemOfAugmentation(augmentation: Augmentation): string | undefined {
  const { flip, affine, colorJitter, randAugment: ofList, erasing } = augmentation;
  const infinity = Number.MAX_VALUE;
  const checks: Check[] = [['flip', flip, 0, 1]];
  if (affine) {
    const [least, greatest] = affine.scale ?? [];
    checks.push(
      ['affine: degrees', affine.degrees, 0, 360],
      ['affine: translate', affine.translate, 0, 1],
      ['affine: the least scale', least!, Number.MIN_VALUE, infinity],
      ['affine: the greatest scale', greatest!, least!, infinity],
      ['affine: shear', affine.shear, 0, 89],
    );
  }
  if (colorJitter) {
    for (const name of ['brightness', 'contrast', 'saturation'] as const) {
      checks.push([`color jitter: ${name}`, colorJitter[name], 0, infinity]);
    }
    checks.push(['color jitter: hue', colorJitter.hue, 0, 0.5]);
  }
  if (ofList) {
    checks.push(
      ['rand augment: operations', ofList.operations, 1, 1000],
      ['rand augment: magnitude', ofList.magnitude, 0, mostMagnitude],
    );
  }
  if (erasing) {
    const [area, aspect] = [erasing.area ?? [], erasing.aspect ?? []];
    checks.push(
      ['erasing: probability', erasing.probability, 0, 1],
      ['erasing: the least area', area[0]!, 0, 1],
      ['erasing: the greatest area', area[1]!, area[0]!, 1],
      ['erasing: the least aspect', aspect[0]!, Number.MIN_VALUE, infinity],
      ['erasing: the greatest aspect', aspect[1]!, aspect[0]!, infinity],
    );
  }
  const wrong = checks.find(([, value, least, most]) => !(value >= least && value <= most));
  if (wrong) return problemText(wrong);
  const whole = [ofList?.operations ?? 0, ofList?.magnitude ?? 0].every(Number.isInteger);
  return whole ? undefined : 'rand augment: operations and magnitude must be integers';
}

function problemText([name, value, least, most]: Check): string {
  const from = least === Number.MIN_VALUE ? 'above 0' : `from ${least}`;
  const to = most === Number.MAX_VALUE ? (least === Number.MIN_VALUE ? '' : ' on') : ` to ${most}`;
  return `${name} must be a number ${from}${to}, not ${value}`;
}

/** Images as bytes, `[n, size, size, 3]` RGB. */
export interface Images {
  /** 0…255. */
  pixels: Uint8Array;
  /** Side in pixels. */
  size: number;
}

/**
 * Images as a network takes them: normalised by ImageNet's mean and standard deviation.
 *
 * @returns `[n, size, size, 3]`
 * @throws ArgumentError for bytes that are no whole pixels.
 *
 * @example
 * const values = normalise({ pixels: Uint8Array.of(255, 255, 255), size: 1 }); // a white pixel
 * console.log(Array.from(values, (value) => value.toFixed(2))); // [ '2.25', '2.43', '2.64' ]
 */
export function normalise({ pixels }: Images): Float32Array {
  if (pixels.length % 3 !== 0) {
    throw new ArgumentError(`normalise: ${pixels.length} bytes: expected three for each pixel`);
  }
  const values = new Float32Array(pixels.length);
  normaliseInto(values, pixels);
  return values;
}

function normaliseInto(values: Float32Array, pixels: Uint8Array): void {
  const { at, end } = layout;
  const { bytes, compiled } = normaliser.room(end);
  put(bytes, at.table, normaliseTable());
  for (let start = 0; start < pixels.length; start += stripBytes) {
    const strip = pixels.subarray(start, start + stripBytes);
    bytes.set(strip, at.pixels);
    compiled.normalise(at.pixels, strip.length / 3, at.table, at.out);
    values.set(new Float32Array(bytes.buffer, at.out, strip.length), start);
  }
}

/**
 * Changes images at random and normalises them, as the authors train.
 *
 * @param indices Which images these are. What happens to an image depends on its index, the epoch and
 *   the seed alone, not on its batch.
 * @param into Where to put the result, which may be longer. Default: new memory, whose collection costs as much as
 *   the augmentation of small images.
 * @returns `[n, size, size, 3]`, erased parts 0.
 * @throws ArgumentError if there is not an index for each image, the augmentation cannot be used, or `into` is too
 *   short.
 *
 * @example
 * const images = { pixels: new Uint8Array(2 * 112 * 112 * 3), size: 112 }; // two black images
 * const { augmentation } = recipeOf('RAF-DB', 'full');
 * const values = augment(images, [0, 1], augmentation, 1, 0); // seed 1, epoch 0
 * console.log(tf.tensor4d(values, [2, 112, 112, 3]).shape); // [ 2, 112, 112, 3 ]
 *
 * Provenance: flip and erasing are baseline (POSTER V2's recipe), the others options.
 */
export function augment(
  { pixels, size }: Images,
  indices: readonly number[],
  augmentation: Augmentation,
  seed: number,
  epoch: number,
  into?: Float32Array,
): Float32Array {
  const { erasing } = augmentation;
  const perImage = size * size * 3;
  if (pixels.length !== indices.length * perImage) {
    const count = pixels.length / perImage;
    throw new ArgumentError(`augment: ${indices.length} indices for ${count} images`);
  }
  const problem = problemOfAugmentation(augmentation);
  if (problem !== undefined) throw new ArgumentError(`augment: ${problem}`);
  if (into && into.length < pixels.length) {
    throw new ArgumentError(
      `augment: into has ${into.length} values: expected ${pixels.length} or more`,
    );
  }
  const values = into?.subarray(0, pixels.length) ?? new Float32Array(pixels.length);
  const bytes = new Uint8Array(perImage);
  indices.forEach((index, i) => {
    const random = seededRandom(seed, epoch, index);
    const place = [i * perImage, (i + 1) * perImage] as const;
    bytes.set(pixels.subarray(...place));
    const changed = changeBytes(bytes, size, augmentation, random);
    const image = values.subarray(...place);
    normaliseInto(image, changed);
    if (erasing && random.uniform() < erasing.probability) erase(image, size, erasing, random);
  });
  return values;
}

/** May change the image given. */
function changeBytes(
  image: Uint8Array,
  size: number,
  { flip, affine, colorJitter, randAugment: ofList }: Augmentation,
  random: Random,
): Uint8Array {
  if (random.uniform() < flip) flipHorizontally(image, size);
  const moved = affine ? moveAtRandom(image, size, affine, random) : image;
  const coloured = colorJitter ? jitterColor(moved, colorJitter, random) : moved;
  return ofList ? randAugment(coloured, size, ofList, random) : coloured;
}

let cachedTable: Float32Array | undefined;

/** Normalised value of each byte, channel by channel. */
function normaliseTable(): Float32Array {
  cachedTable ??= Float32Array.from({ length: 3 * 256 }, (_, i) =>
    normaliseByte(i % 256, Math.floor(i / 256)),
  );
  return cachedTable;
}

/** Rounded to float32 after every step, for the very values of ToTensor and Normalize. */
function normaliseByte(byte: number, channel: number): number {
  const f = Math.fround;
  const centred = f(f(byte / 255) - f(imageNet.mean[channel]!));
  return f(centred / f(imageNet.std[channel]!));
}

/**
 * Mirrors one image `[size, size, 3]` in place: left becomes right.
 *
 * @example
 * const image = Uint8Array.from([1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4]); // 2 × 2 pixels
 * flipHorizontally(image, 2);
 * console.log(image.join(' ')); // 2 2 2 1 1 1 4 4 4 3 3 3
 */
export function flipHorizontally(image: Float32Array | Uint8Array, size: number): void {
  for (let row = 0; row < size; row++) {
    let left = row * size * 3;
    let right = left + size * 3 - 3;
    for (; left < right; left += 3, right -= 3) {
      const r = image[left]!;
      const g = image[left + 1]!;
      const b = image[left + 2]!;
      image[left] = image[right]!;
      image[left + 1] = image[right + 1]!;
      image[left + 2] = image[right + 2]!;
      image[right] = r;
      image[right + 1] = g;
      image[right + 2] = b;
    }
  }
}

/** Ten attempts at a rectangle that fits, then none. */
function erase(
  image: Float32Array,
  size: number,
  { area, aspect }: RandomErasing,
  random: Random,
): void {
  for (let attempt = 0; attempt < 10; attempt++) {
    const erased = size * size * between(random, ...area);
    const ratio = Math.exp(between(random, Math.log(aspect[0]), Math.log(aspect[1])));
    const height = Math.round(Math.sqrt(erased * ratio));
    const width = Math.round(Math.sqrt(erased / ratio));
    if (height >= size || width >= size) continue;
    const top = random.integer(size - height + 1);
    const left = random.integer(size - width + 1);
    for (let row = top; row < top + height; row++) {
      image.fill(0, (row * size + left) * 3, (row * size + left + width) * 3);
    }
    return;
  }
}
