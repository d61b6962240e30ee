import * as avataaars from '@dicebear/avataaars';
import { createAvatar, type StyleOptions } from '@dicebear/core';
import * as openPeeps from '@dicebear/open-peeps';
import sharp from 'sharp';
import { type ClassName, type Face, facesOf } from './expressions.js';
import { type Person, personAt, type Split, standInAt } from './people.js';
import { type Random, randomOf } from './random.js';

/** How the picture was taken. Drawn before the mood and without looking at it. */
export type Shot = {
  readonly mirrored: boolean;
  /** Degrees. */
  readonly rotation: number;
  readonly scale: number;
  /** Shares of the frame. */
  readonly shiftX: number;
  readonly shiftY: number;
  readonly background: string;
  /** Where the light comes from, in degrees, and how much darker the far side is. */
  readonly lightAngle: number;
  readonly shade: number;
  /** Per channel: contrast and colour cast as a factor, brightness as an offset of 0..255. */
  readonly gain: readonly [number, number, number];
  readonly offset: number;
  /** Standard deviation in pixels of a 112-pixel picture; 0 is sharp. */
  readonly blur: number;
  readonly quality: number;
};

/** The square of the style's drawing that holds the face, as in an aligned face crop. */
const frames = {
  openPeeps: { centerX: 476, centerY: 396, side: 410 },
  avataaars: { centerX: 140, centerY: 115, side: 156 },
} as const;

export function drawShot(random: Random): Shot {
  const contrast = random.between(0.8, 1.15);
  const cast = () => contrast * random.between(0.94, 1.06);
  const hue = random.below(360);
  return {
    mirrored: random.chance(0.5),
    rotation: random.between(-10, 10),
    scale: random.between(0.92, 1.08),
    shiftX: random.between(-0.04, 0.04),
    shiftY: random.between(-0.04, 0.04),
    background: `hsl(${hue} ${random.below(50)}% ${30 + random.below(60)}%)`,
    lightAngle: random.between(0, 360),
    shade: random.between(0, 0.35),
    gain: [cast(), cast(), cast()],
    offset: random.between(-15, 20),
    blur: random.chance(0.3) ? random.between(0.4, 0.9) : 0,
    quality: 60 + random.below(36),
  };
}

/** The style's own drawing of the person with this face, without its svg element. */
function drawBody(person: Person, face: Face): string {
  const shared = {
    accessories: person.glasses === null ? [] : [person.glasses],
    accessoriesProbability: person.glasses === null ? 0 : 100,
    facialHair: person.beard === null ? [] : [person.beard],
    facialHairProbability: person.beard === null ? 0 : 100,
    skinColor: [person.skin],
    // DiceBear would cut at the style's own frame, and a turned picture would show the cut.
    clip: false,
  };
  const avatar =
    face.style === 'openPeeps'
      ? createAvatar(openPeeps, {
          ...shared,
          face: [face.face],
          head: [person.head],
          headContrastColor: [person.hairColor],
          clothingColor: [person.clothesColor],
          maskProbability: 0,
        } as StyleOptions<openPeeps.Options>)
      : createAvatar(avataaars, {
          ...shared,
          eyes: [face.eyes],
          eyebrows: [face.eyebrows],
          mouth: [face.mouth],
          top: [person.head],
          topProbability: 100,
          hairColor: [person.hairColor],
          facialHairColor: [person.hairColor],
          accessoriesColor: [person.glassesColor],
          clothing: [person.clothing],
          clothesColor: [person.clothesColor],
          hatColor: [person.hatColor],
        } as StyleOptions<avataaars.Options>);
  return avatar
    .toString()
    .replace(/^<svg[^>]*>(<metadata.*?<\/metadata>)?/s, '')
    .replace(/<\/svg>$/, '');
}

/** The whole scene as an SVG whose pixels are those of the picture: rendering it needs no resize. */
export function drawSvg(person: Person, face: Face, shot: Shot, size: number): string {
  const { centerX, centerY, side } = frames[person.style];
  const zoom = (size / side) * shot.scale;
  const middleX = size * (0.5 + shot.shiftX);
  const middleY = size * (0.5 + shot.shiftY);
  const mirror = shot.mirrored ? -1 : 1;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${size}" height="${size}">`,
    `<defs><linearGradient id="light" gradientTransform="rotate(${shot.lightAngle.toFixed(1)} .5 .5)">`,
    `<stop stop-opacity="0"/><stop offset="1" stop-opacity="${shot.shade.toFixed(3)}"/>`,
    '</linearGradient></defs>',
    `<rect width="100%" height="100%" fill="${shot.background}"/>`,
    `<g fill="none" transform="translate(${middleX.toFixed(2)} ${middleY.toFixed(2)}) `,
    `rotate(${shot.rotation.toFixed(2)}) scale(${(mirror * zoom).toFixed(5)} ${zoom.toFixed(5)}) `,
    `translate(${-centerX} ${-centerY})">${drawBody(person, face)}</g>`,
    '<rect width="100%" height="100%" fill="url(#light)"/></svg>',
  ].join('');
}

export type Picture = {
  readonly person: Person;
  readonly face: Face;
  readonly shot: Shot;
};

/** Picture `index` of a class: what it shows depends on these four arguments alone. */
export function pictureAt(
  seed: number,
  split: Split,
  className: ClassName,
  index: number,
): Picture {
  const anyone = personAt(seed, split, index);
  const poses = facesOf(className, anyone.style).length > 0;
  const person = poses ? anyone : standInAt(seed, split, index);
  const random = randomOf(seed, split, className, index);
  const shot = drawShot(random);
  return { person, shot, face: random.pick(facesOf(className, person.style)) };
}

/** A sharp pipeline: the caller chooses where its JPEG goes. */
export function takePicture({ person, face, shot }: Picture, size: number): sharp.Sharp {
  const { offset, gain, quality } = shot;
  const image = sharp(Buffer.from(drawSvg(person, face, shot, size)))
    .removeAlpha()
    .linear([...gain], [offset, offset, offset]);
  const blur = (shot.blur * size) / 112;
  return (blur >= 0.3 ? image.blur(blur) : image).jpeg({ quality });
}
