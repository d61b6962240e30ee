import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { DecodeError, decodeImage } from '../../../src/node/images/decode_image.js';
import { UserError } from '../../../src/node/user_error.js';
import { messageOf, temporaryFolder, writeFile } from '../temporary_folder.js';

const folder = temporaryFolder();

function plain(background: sharp.Color, channels: 3 | 4 = 3): sharp.Sharp {
  return sharp({ create: { width: 40, height: 30, channels, background } });
}

function photo(): sharp.Sharp {
  const pixels = Uint8Array.from({ length: 120 * 80 * 3 }, (_, i) => (i * 7919) % 251);
  return sharp(pixels, { raw: { width: 120, height: 80, channels: 3 } });
}

/** Red on the left, blue on the right, 64 × 32. */
function redBlue(): sharp.Sharp {
  const pixels = Uint8Array.from([255, 0, 0, 0, 0, 255]);
  return sharp(pixels, { raw: { width: 2, height: 1, channels: 3 } }).resize(64, 32, {
    kernel: 'nearest',
    fit: 'fill',
  });
}

function pixel(pixels: Uint8Array, index: number): number[] {
  return [...pixels.slice(index * 3, index * 3 + 3)];
}

describe('decodeImage', () => {
  const half = 128;
  it.each([
    ['RGB JPEG', () => plain('#808080').jpeg(), [half, half, half]],
    ['grayscale JPEG', () => plain('#808080').toColourspace('b-w').jpeg(), [half, half, half]],
    ['16-bit grayscale PNG', () => plain('#808080').toColourspace('grey16').png(), [128, 128, 128]],
    ['16-bit RGB PNG', () => plain('#ff8000').toColourspace('rgb16').png(), [255, 128, 0]],
    ['palette PNG', () => plain('#ff8000').png({ palette: true }), [255, 128, 0]],
    ['lossless WebP', () => plain('#ff8000').webp({ lossless: true }), [255, 128, 0]],
    ['GIF', () => plain('#0000ff').gif(), [0, 0, 255]],
    ['TIFF', () => plain('#ff8000').tiff({ compression: 'lzw' }), [255, 128, 0]],
    ['half transparent PNG', () => plain('rgba(255, 0, 0, 0.5)', 4).png(), [255, 127, 127]],
    ['fully transparent PNG', () => plain('rgba(0, 0, 0, 0)', 4).png(), [255, 255, 255]],
  ] as const)('decodes %s', async (_, image, expected) => {
    const pixels = await decodeImage(await image().toBuffer(), 5);
    expect(pixels).toHaveLength(5 * 5 * 3);
    for (let i = 0; i < 25; i++) expect(pixel(pixels, i)).toEqual(expected);
  });

  it('decodes CMYK JPEG and AVIF to nearly their colour', async () => {
    const cmyk = await plain('red').toColourspace('cmyk').jpeg().toBuffer();
    const [red, green, blue] = pixel(await decodeImage(cmyk, 4), 0) as [number, number, number];
    expect(red).toBeGreaterThan(220);
    expect(Math.max(green, blue)).toBeLessThan(40);
    const avif = pixel(await decodeImage(await plain('#0000ff').avif().toBuffer(), 4), 0);
    expect(avif[2]).toBeGreaterThan(250);
  });

  it('takes the first frame of an animation', async () => {
    const frames = Uint8Array.from(
      [...Array(16).fill([255, 0, 0]), ...Array(16).fill([0, 0, 255])].flat(),
    );
    const animation = await sharp(frames, {
      raw: { width: 4, height: 8, channels: 3, pageHeight: 4 },
    })
      .webp({ lossless: true, loop: 0 })
      .toBuffer();
    expect((await sharp(animation).metadata()).pages).toBe(2);
    const pixels = await decodeImage(animation, 4);
    for (let i = 0; i < 16; i++) expect(pixel(pixels, i)).toEqual([255, 0, 0]);
  });

  it('turns the photo as its EXIF data says', async () => {
    // 6: the stored left side is the top.
    const stored = await redBlue().withMetadata({ orientation: 6 }).jpeg().toBuffer();
    const pixels = await decodeImage(stored, 8);
    for (const top of [0, 7]) expect(pixel(pixels, top)[0]).toBeGreaterThan(240);
    for (const bottom of [56, 63]) expect(pixel(pixels, bottom)[2]).toBeGreaterThan(240);
  });

  it('does not keep the aspect', async () => {
    const pixels = await decodeImage(await redBlue().png().toBuffer(), 8);
    expect([0, 2, 5, 7, 56].map((i) => pixel(pixels, i))).toEqual([
      [255, 0, 0],
      [255, 0, 0],
      [0, 0, 255],
      [0, 0, 255],
      [255, 0, 0],
    ]);
  });

  it('reads by path, whatever the extension says', async () => {
    const path = writeFile(join(folder, 'é 1.jpg'), await plain('#ff8000').png().toBuffer());
    expect(pixel(await decodeImage(path, 2), 0)).toEqual([255, 128, 0]);
  });

  it.each(['jpeg', 'png', 'webp', 'gif', 'tiff', 'avif'] as const)(
    'refuses a truncated %s',
    async (format) => {
      const whole = await photo().toFormat(format).toBuffer();
      for (const part of [0.95, 0.5, 0.05]) {
        const path = writeFile(
          join(folder, `cut.${format}`),
          whole.subarray(0, Math.floor(whole.length * part)),
        );
        const message = await messageOf(decodeImage(path, 8));
        expect(message).toMatch(/^DecodeError: .*cut\.\w+: .*(truncated|not an image)/);
        expect(message).not.toContain('\n');
      }
    },
  );

  it.each([
    ['no bytes', '', /empty \(0 bytes\)/],
    ['text', 'This is not a photo.\n', /it is not an image/],
    ['a web page', '<!doctype html><html></html>', /it is not an image/],
    ['BMP', Buffer.concat([Buffer.from('BM'), Buffer.alloc(60)]), /it is not an image, or not one/],
    ['SVG', '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>', /it is SVG: save it/],
  ])('refuses %s named .jpg', async (_, content, reason) => {
    const path = writeFile(join(folder, 'wrong.jpg'), content);
    const error = await decodeImage(path, 8).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(UserError);
    expect(error).toBeInstanceOf(DecodeError);
    expect((error as DecodeError).path).toBe(path);
    expect((error as DecodeError).reason).toMatch(reason);
  });

  it('writes where it is told, if that is as large as the result', async () => {
    const bytes = await plain('#ff8000').png().toBuffer();
    const into = new Uint8Array(4 * 4 * 3);
    expect(await decodeImage(bytes, 4, into)).toBe(into);
    expect(pixel(into, 15)).toEqual([255, 128, 0]);
    expect(await messageOf(decodeImage('none.png', 5, into))).toBe(
      'ArgumentError: into has 48 bytes: expected 75',
    );
  });

  it('refuses huge dimensions before it decodes them', async () => {
    const bomb = await sharp({
      create: { width: 20000, height: 6000, channels: 3, background: 'red' },
    })
      .png()
      .toBuffer();
    expect(await messageOf(decodeImage(bomb, 8))).toMatch(/image: it has more than 100 megapixels/);
  });

  it('says why a file cannot be opened', async () => {
    expect(await messageOf(decodeImage(join(folder, 'none.jpg'), 8))).toMatch(
      /none\.jpg: cannot be read: no such file/,
    );
    expect(await messageOf(decodeImage(folder, 8))).toMatch(/it is not a regular file/);
  });

  it.skipIf(process.platform === 'win32')('does not wait for a pipe', async () => {
    const path = join(folder, 'pipe.jpg');
    execFileSync('mkfifo', [path]);
    expect(await messageOf(decodeImage(path, 8))).toMatch(/it is not a regular file/);
  });

  it.each([0, -1, 1.5, Number.NaN, 5000])('refuses the size %s', async (size) => {
    expect(await messageOf(decodeImage(new Uint8Array(1), size))).toMatch(/ArgumentError: size is/);
  });
});
