import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { withSmallJpeg } from '../../../src/node/images/decode_jpeg.js';

const fixture = (name: string) =>
  readFileSync(`${import.meta.dirname}/../../fixtures/pixels/${name}`);

/** Noise, in which any difference shows. */
function noise(width: number, height: number): sharp.Sharp {
  const bytes = Uint8Array.from({ length: width * height * 3 }, (_, i) => (i * i * 31) % 256);
  return sharp(bytes, { raw: { width, height, channels: 3 } });
}

const readBySharp = (bytes: Uint8Array) =>
  sharp(bytes, { failOn: 'error', ignoreIcc: true })
    .toColourspace('srgb')
    .raw({ depth: 'uchar' })
    .toBuffer();

/** The pixels of a JPEG, copied while they lie there. */
const decodeSmallJpeg = (bytes: Uint8Array) =>
  withSmallJpeg(bytes, ({ data, info }) => ({ data: Buffer.from(data), info }));

describe('withSmallJpeg', () => {
  it('gives the bytes of sharp, whatever the size, quality, subsampling and order', async () => {
    const options = fc.record({
      quality: fc.integer({ min: 1, max: 100 }),
      chromaSubsampling: fc.constantFrom('4:2:0', '4:4:4'),
      progressive: fc.boolean(),
    });
    const side = fc.integer({ min: 1, max: 70 });
    await fc.assert(
      fc.asyncProperty(side, side, options, async (width, height, jpeg) => {
        const bytes = await noise(width, height).jpeg(jpeg).toBuffer();
        const decoded = await decodeSmallJpeg(bytes);
        expect(decoded?.info).toEqual({ width, height });
        expect(decoded!.data.equals(await readBySharp(bytes))).toBe(true);
      }),
      { seed: 1, numRuns: 60 },
    );
  });

  it('gives pixels or none for damaged files, and goes on', async () => {
    const intact = fixture('face_100_420.jpg');
    const expected = await readBySharp(intact);
    const damage = fc.record({
      at: fc.nat(intact.length - 1),
      value: fc.nat(255),
      length: fc.integer({ min: 0, max: intact.length }),
    });
    await fc.assert(
      fc.asyncProperty(damage, async ({ at, value, length }) => {
        const bytes = Uint8Array.from(intact);
        bytes[at] = value;
        const cut = bytes.subarray(0, at % 2 ? length : bytes.length);
        const decoded = await decodeSmallJpeg(cut);
        if (decoded) expect(decoded.data.length).toBe(3 * decoded.info.width * decoded.info.height);
        const next = await decodeSmallJpeg(intact);
        expect(next!.data.equals(expected)).toBe(true);
      }),
      { seed: 2, numRuns: 60 },
    );
  });

  it.each([
    ['a PNG', () => noise(9, 9).png().toBuffer()],
    ['no image', () => Promise.resolve(Uint8Array.of(1, 2, 3))],
    ['nothing', () => Promise.resolve(new Uint8Array())],
    ['the first bytes of one', () => Promise.resolve(Uint8Array.of(0xff, 0xd8, 0xff, 0xe0))],
    ['a grey JPEG', () => noise(9, 9).toColourspace('b-w').jpeg().toBuffer()],
    ['a CMYK JPEG', () => noise(9, 9).toColourspace('cmyk').jpeg().toBuffer()],
    ['a turned photo', () => noise(9, 5).withMetadata({ orientation: 6 }).jpeg().toBuffer()],
    ['a large JPEG', () => noise(500, 401).jpeg({ quality: 1 }).toBuffer()],
  ])('leaves %s to sharp', async (_, bytes) => {
    expect(await decodeSmallJpeg(await bytes())).toBeUndefined();
  });
});
