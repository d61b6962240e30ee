/** How an image moves: about its centre it is sheared, turned and scaled, in this order, then shifted. */
export interface AffineMove {
  /** Degrees clockwise. Default 0. */
  angle?: number;
  /** Pixels to the right and down. Default 0, 0. */
  translate?: readonly [x: number, y: number];
  /** Default 1. */
  scale?: number;
  /** Degrees along x and along y. Default 0, 0. */
  shear?: readonly [x: number, y: number];
  /** What stays in place, in pixels. Default: the centre. */
  center?: readonly [x: number, y: number];
}

/**
 * Moves an image, bilinear, black where nothing comes from: torchvision's `affine` on a PIL image.
 *
 * @param image `[size, size, 3]` RGB, which stays as it is.
 */
export function affine(image: Uint8Array, size: number, move: AffineMove): Uint8Array {
  const [a, b, c, d, e, f] = inverseMatrix(size, move);
  const out = new Uint8Array(image.length);
  for (let y = 0, o = 0; y < size; y++) {
    for (let x = 0; x < size; x++, o += 3) {
      const fromX = a * (x + 0.5) + b * (y + 0.5) + c;
      const fromY = d * (x + 0.5) + e * (y + 0.5) + f;
      if (fromX < 0 || fromX >= size || fromY < 0 || fromY >= size) continue;
      sample(image, size, fromX - 0.5, fromY - 0.5, out, o);
    }
  }
  return out;
}

type Matrix = [a: number, b: number, c: number, d: number, e: number, f: number];

const radians = (degrees: number) => (degrees * Math.PI) / 180;

/** Where a pixel comes from: `[a·x + b·y + c, d·x + e·y + f]`, by torchvision's formula. */
function inverseMatrix(
  size: number,
  {
    angle = 0,
    translate: [tx, ty] = [0, 0],
    scale = 1,
    shear = [0, 0],
    center: [cx, cy] = [size / 2, size / 2],
  }: AffineMove,
): Matrix {
  const [turn, sx, sy] = [radians(angle), radians(shear[0]), radians(shear[1])];
  const [cos, sin] = [Math.cos(turn - sy) / Math.cos(sy), Math.sin(turn - sy) / Math.cos(sy)];
  const a = (-sin * Math.tan(sx) + Math.cos(turn)) / scale;
  const b = (cos * Math.tan(sx) + Math.sin(turn)) / scale;
  const d = -sin / scale;
  const e = cos / scale;
  const c = a * (-cx - tx) + b * (-cy - ty) + cx;
  const f = d * (-cx - tx) + e * (-cy - ty) + cy;
  return [a, b, c, d, e, f];
}

/** Between four pixels; beyond the border the outermost go on. */
function sample(
  image: Uint8Array,
  size: number,
  x: number,
  y: number,
  out: Uint8Array,
  o: number,
): void {
  const left = Math.floor(x);
  const top = Math.floor(y);
  const dx = x - left;
  const dy = y - top;
  const x0 = Math.max(0, left) * 3;
  const x1 = Math.min(size - 1, left + 1) * 3;
  const row0 = Math.max(0, top) * size * 3;
  const row1 = Math.min(size - 1, top + 1) * size * 3;
  for (let channel = 0; channel < 3; channel++) {
    const upper = mix(image[row0 + x0 + channel]!, image[row0 + x1 + channel]!, dx);
    const lower = mix(image[row1 + x0 + channel]!, image[row1 + x1 + channel]!, dx);
    out[o + channel] = mix(upper, lower, dy); // A byte drops the fraction, as Pillow does.
  }
}

function mix(a: number, b: number, part: number): number {
  return a + (b - a) * part;
}
