/**
 * Changes of an image's colours, in the bytes of Pillow, which torchvision's transforms call on PIL
 * images. An image is `[size, size, 3]` RGB and stays as it is.
 */

const { fround } = Math;

/** Black at 0, as it was at 1, brighter above. */
export function adjustBrightness(image: Uint8Array, factor: number): Uint8Array {
  return blendWith(0, image, factor);
}

/** Grey of the image's mean at 0, as it was at 1. */
export function adjustContrast(image: Uint8Array, factor: number): Uint8Array {
  let sum = 0;
  for (let i = 0; i < image.length; i += 3) sum += luminance(image, i);
  const mean = Math.floor(sum / (image.length / 3) + 0.5);
  return blendWith(mean, image, factor);
}

/** Grey at 0, as it was at 1. */
export function adjustSaturation(image: Uint8Array, factor: number): Uint8Array {
  const part = fround(factor);
  const out = new Uint8Array(image.length);
  for (let i = 0; i < image.length; i += 3) {
    const grey = luminance(image, i);
    for (let at = i; at < i + 3; at++) out[at] = blend(grey, image[at]!, part);
  }
  return out;
}

/** Smoothed at 0, as it was at 1, sharper above. */
export function adjustSharpness(image: Uint8Array, size: number, factor: number): Uint8Array {
  const smooth = smoothed(image, size);
  const part = fround(factor);
  return image.map((byte, i) => blend(smooth[i]!, byte, part));
}

/** Turns the circle of hues. @param shift Part of the circle, from -0.5 to 0.5. */
export function adjustHue(image: Uint8Array, shift: number): Uint8Array {
  const turn = Math.trunc(shift * 255);
  const out = new Uint8Array(image.length);
  const hsv = new Uint8Array(3);
  for (let i = 0; i < image.length; i += 3) {
    toHsv(image, i, hsv);
    hsv[0] = hsv[0]! + turn; // Wraps around, as a byte does.
    fromHsv(hsv, out, i);
  }
  return out;
}

/** Keeps the upper `bits` of each byte. @param bits From 1 to 8. */
export function posterise(image: Uint8Array, bits: number): Uint8Array {
  const mask = 256 - 2 ** (8 - bits);
  return image.map((byte) => byte & mask);
}

/** Inverts what is not below a threshold. */
export function solarise(image: Uint8Array, threshold: number): Uint8Array {
  return image.map((byte) => (byte < threshold ? byte : 255 - byte));
}

/** Stretches each channel from its darkest to its brightest value. */
export function autoContrast(image: Uint8Array): Uint8Array {
  return byChannel(image, (histogram) => {
    const low = histogram.findIndex((count) => count > 0);
    const high = histogram.findLastIndex((count) => count > 0);
    if (high <= low) return (byte) => byte;
    const scale = 255 / (high - low);
    return (byte) => Math.trunc(Math.min(255, Math.max(0, byte * scale - low * scale)));
  });
}

/** Makes each channel's values about equally frequent. */
export function equalise(image: Uint8Array): Uint8Array {
  return byChannel(image, (histogram) => {
    const used = histogram.filter((count) => count > 0);
    const step = Math.floor((image.length / 3 - used.at(-1)!) / 255);
    if (used.length <= 1 || step === 0) return (byte) => byte;
    let below = Math.floor(step / 2);
    const table = histogram.map((count) => {
      const level = Math.floor(below / step);
      below += count;
      return level;
    });
    return (byte) => Math.min(255, table[byte]!);
  });
}

/** Part `factor` of an image and the rest one grey; beyond both where above 1. */
function blendWith(grey: number, image: Uint8Array, factor: number): Uint8Array {
  const part = fround(factor);
  const table = Uint8Array.from({ length: 256 }, (_, byte) => blend(grey, byte, part));
  return image.map((byte) => table[byte]!);
}

/** In float32, as Pillow. */
function blend(from: number, to: number, part: number): number {
  const value = fround(from + fround(part * (to - from)));
  return value <= 0 ? 0 : value >= 255 ? 255 : Math.trunc(value);
}

/** Of the pixel at an index, ITU-R 601-2 in 16-bit fixed point, as Pillow's mode L. */
function luminance(image: Uint8Array, i: number): number {
  return (image[i]! * 19595 + image[i + 1]! * 38470 + image[i + 2]! * 7471 + 0x8000) >> 16;
}

/** Pillow's SMOOTH: the pixel counts five times, its neighbours once each; the border stays. */
function smoothed(image: Uint8Array, size: number): Uint8Array {
  const out = image.slice();
  const row = size * 3;
  for (let y = 1; y < size - 1; y++) {
    for (let i = y * row + 3; i < (y + 1) * row - 3; i++) {
      let sum = 4 * image[i]!;
      for (let line = i - row; line <= i + row; line += row) {
        sum += image[line - 3]! + image[line]! + image[line + 3]!;
      }
      out[i] = sum / 13 + 0.5;
    }
  }
  return out;
}

function byChannel(
  image: Uint8Array,
  mapOf: (histogram: number[]) => (byte: number) => number,
): Uint8Array {
  const out = new Uint8Array(image.length);
  for (let channel = 0; channel < 3; channel++) {
    const histogram = new Array<number>(256).fill(0);
    for (let i = channel; i < image.length; i += 3) histogram[image[i]!]!++;
    const map = mapOf(histogram);
    for (let i = channel; i < image.length; i += 3) out[i] = map(image[i]!);
  }
  return out;
}

/** Hue, saturation and value as bytes of the pixel at an index, rounded as Pillow rounds. */
function toHsv(image: Uint8Array, i: number, hsv: Uint8Array): void {
  const r = image[i]!;
  const g = image[i + 1]!;
  const b = image[i + 2]!;
  const most = Math.max(r, g, b);
  const spread = most - Math.min(r, g, b);
  hsv[2] = most;
  hsv[1] = spread === 0 ? 0 : Math.floor(fround(spread / most) * 255);
  hsv[0] = spread === 0 ? 0 : Math.floor(hueOf(r, g, b, most, spread) * 255);
}

/** Part of the circle, from 0 to below 1. */
function hueOf(r: number, g: number, b: number, most: number, spread: number): number {
  const red = fround((most - r) / spread);
  const green = fround((most - g) / spread);
  const blue = fround((most - b) / spread);
  // In sixths, from -1 to 5.
  const sixths = r === most ? blue - green : g === most ? 2 + red - blue : 4 + green - red;
  const turned = fround(sixths) / 6 + 1;
  return fround(turned < 1 ? turned : turned - 1);
}

function fromHsv(hsv: Uint8Array, out: Uint8Array, i: number): void {
  const saturation = fround(hsv[1]! / 255);
  const v = hsv[2]!;
  const sixths = (hsv[0]! * 6) / 255;
  const sector = Math.floor(sixths);
  const f = fround(sixths - sector);
  const low = Math.round(v * (1 - saturation));
  const falling = Math.round(v * (1 - fround(saturation * f)));
  const rising = Math.round(v * (1 - saturation * (1 - f)));
  const between = sector % 2 === 0 ? rising : falling;
  // Which channel is highest changes every two sixths, half-way between those where the lowest does.
  const highest = Math.floor(((sector + 1) % 6) / 2);
  const lowest = (Math.floor((sector % 6) / 2) + 2) % 3;
  out[i] = between;
  out[i + 1] = between;
  out[i + 2] = between;
  out[i + lowest] = low;
  out[i + highest] = v;
}
