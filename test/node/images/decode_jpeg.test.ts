import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { withSmallJpeg } from '../../../src/node/images/decode_jpeg.js';

const fixtures = `${import.meta.dirname}/../../fixtures/pixels`;
const fixture = (name: string) => new Uint8Array(readFileSync(`${fixtures}/${name}`));

/** Pictures in which any difference shows: noise, slopes, and edges, where samples overshoot. */
const textures = {
  noise: (i: number) => (i * i * 31) % 256,
  slopes: (i: number) => (i * 3 + (i % 3) * 90) % 256,
  edges: (i: number) => (Math.floor(i / 40) % 2 ? 255 : 0) ^ (i % 3 ? 0 : 128),
};

function picture(width: number, height: number, texture = textures.noise): sharp.Sharp {
  const bytes = Uint8Array.from({ length: width * height * 3 }, (_, i) => texture(i));
  return sharp(bytes, { raw: { width, height, channels: 3 } });
}

const readBySharp = (bytes: Uint8Array) =>
  sharp(bytes, { failOn: 'error', ignoreIcc: true })
    .toColourspace('srgb')
    .raw({ depth: 'uchar' })
    .toBuffer();

/** The pixels of a JPEG, copied while they lie there. */
const decoded = (bytes: Uint8Array) =>
  withSmallJpeg(bytes, ({ data, info }) => ({ data: Buffer.from(data), info }));

/** A marker's segment behind the first two bytes of a file. */
const withSegment = (bytes: Uint8Array, marker: number, ...content: number[]) =>
  Buffer.concat([
    bytes.subarray(0, 2),
    Uint8Array.of(0xff, marker, (content.length + 2) >> 8, content.length + 2, ...content),
    bytes.subarray(2),
  ]);

describe('withSmallJpeg', () => {
  it('gives the bytes of sharp, whatever the size, quality, subsampling and tables', async () => {
    const options = fc.record({
      quality: fc.integer({ min: 1, max: 100 }),
      chromaSubsampling: fc.constantFrom('4:2:0', '4:4:4'),
      optimizeCoding: fc.boolean(),
      quantisationTable: fc.integer({ min: 0, max: 8 }),
    });
    const width = fc.integer({ min: 5, max: 90 });
    const height = fc.integer({ min: 1, max: 90 });
    const texture = fc.constantFrom(...Object.values(textures));
    await fc.assert(
      fc.asyncProperty(width, height, texture, options, async (w, h, each, jpeg) => {
        const bytes = await picture(w, h, each).jpeg(jpeg).toBuffer();
        const { data, info } = decoded(bytes)!;
        expect(info).toEqual({ width: w, height: h });
        expect(data.equals(await readBySharp(bytes))).toBe(true);
      }),
      { seed: 1, numRuns: 300 },
    );
  });

  const plain = readdirSync(fixtures).filter((name) => /_(420|422|444)\.jpg$/.test(name));
  it.each(plain)('gives them for %s', async (name) => {
    const { data } = decoded(fixture(name))!;
    expect(data.equals(await readBySharp(fixture(name)))).toBe(true);
  });

  it('gives them or none for damaged files, and goes on', async () => {
    const files = plain.filter((name) => /100|211/.test(name)).map(fixture);
    const intact = files[0]!;
    const expected = await readBySharp(intact);
    const damage = fc.record({
      file: fc.constantFrom(...files),
      at: fc.nat(1_000_000),
      inHeader: fc.boolean(),
      value: fc.nat(255),
      cut: fc.option(fc.nat(3000), { freq: 1 }),
    });
    let read = 0;
    await fc.assert(
      fc.asyncProperty(damage, async ({ file, at, inHeader, value, cut }) => {
        const damaged = Uint8Array.from(file).subarray(0, cut ?? file.length);
        damaged[at % (inHeader ? 700 : damaged.length)] = value;
        const pixels = decoded(damaged);
        if (pixels) {
          read++;
          // Elsewhere than on x86, native code has other sums of absurd coefficients.
          const same = pixels.data.equals(await readBySharp(damaged));
          expect(same || process.arch !== 'x64').toBe(true);
        }
        expect(decoded(intact)!.data.equals(expected)).toBe(true);
      }),
      { seed: 2, numRuns: 300 },
    );
    expect(read).toBeGreaterThan(50);
  });

  it('refuses each part of a file', () => {
    const bytes = fixture('face_100_420.jpg');
    for (let length = 0; length < bytes.length; length++) {
      expect(decoded(bytes.subarray(0, length))?.info).toBeUndefined();
    }
  });

  // 255 of nine bits and 2 of ten: libjpeg reads 256 at most.
  const codes = [0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 2, 0, 0, 0, 0, 0, 0, ...new Array(257).fill(7)];
  const small = () => picture(9, 9).jpeg().toBuffer();
  it.each([
    ['a PNG', () => picture(9, 9).png().toBuffer()],
    ['no image', async () => Uint8Array.of(1, 2, 3)],
    ['nothing', async () => new Uint8Array()],
    ['the first bytes of one', async () => Uint8Array.of(0xff, 0xd8, 0xff, 0xe0)],
    ['a grey JPEG', () => picture(9, 9).toColourspace('b-w').jpeg().toBuffer()],
    ['a CMYK JPEG', () => picture(9, 9).toColourspace('cmyk').jpeg().toBuffer()],
    ['a progressive JPEG', () => picture(9, 9).jpeg({ progressive: true }).toBuffer()],
    ['a turned photo', () => picture(9, 5).withMetadata({ orientation: 6 }).jpeg().toBuffer()],
    ['a JPEG with restarts', async () => withSegment(await small(), 0xdd, 0, 9)],
    ["a JPEG with Adobe's marker", async () => withSegment(await small(), 0xee, 65, 100, 111)],
    [
      'a table of codes for too many symbols',
      async () => withSegment(await small(), 0xc4, ...codes),
    ],
    ['a narrow JPEG', () => picture(4, 9).jpeg().toBuffer()],
    ['a large JPEG', () => picture(1100, 1000).jpeg({ quality: 1 }).toBuffer()],
    ['a large file', async () => Buffer.concat([await small(), new Uint8Array(2 ** 20)])],
  ])('leaves %s to sharp', async (_, bytes) => {
    expect(decoded(await bytes())).toBeUndefined();
  });

  it('passes over comments and the data of applications', async () => {
    const bytes = withSegment(withSegment(await small(), 0xfe, 1, 2, 3), 0xe2, 4, 5);
    expect(decoded(bytes)!.data.equals(await readBySharp(bytes))).toBe(true);
  });
});
