import type { Options as AvataaarsOptions } from '@dicebear/avataaars';
import type { Options as OpenPeepsOptions } from '@dicebear/open-peeps';
import type { Style } from './expressions.js';
import { hash32, type Random, randomOf } from './random.js';

export type Split = 'train' | 'test';

/** Everything about a drawn person that does not depend on the mood. */
export type Person = {
  readonly style: Style;
  readonly head: string;
  readonly skin: string;
  readonly hairColor: string;
  readonly glasses: string | null;
  readonly glassesColor: string;
  readonly beard: string | null;
  readonly clothing: string;
  readonly clothesColor: string;
  readonly hatColor: string;
};

type Names<T extends readonly string[] | undefined> = readonly NonNullable<T>[number][];

// Left out: what hides eyes, brows or mouth (fringes, sunglasses, eyepatches, masks, moustaches) or is
// no human head (bear). What is left must not decide the mood.
const openPeepsHeads: Names<OpenPeepsOptions['head']> = [
  'afro',
  'bantuKnots',
  'bun',
  'bun2',
  'buns',
  'cornrows',
  'cornrows2',
  'flatTop',
  'flatTopLong',
  'grayBun',
  'grayMedium',
  'grayShort',
  'hatBeanie',
  'hatHip',
  'hijab',
  'long',
  'medium1',
  'medium2',
  'medium3',
  'mohawk',
  'mohawk2',
  'noHair1',
  'noHair2',
  'noHair3',
  'pomp',
  'shaved1',
  'shaved2',
  'short1',
  'short2',
  'short3',
  'short4',
  'short5',
  'turban',
  'twists',
  'twists2',
];
const openPeepsGlasses: Names<OpenPeepsOptions['accessories']> = [
  'glasses',
  'glasses2',
  'glasses5',
];
const openPeepsBeards: Names<OpenPeepsOptions['facialHair']> = ['chin'];

const avataaarsHeads: Names<AvataaarsOptions['top']> = [
  'hat',
  'hijab',
  'turban',
  'winterHat1',
  'winterHat02',
  'bun',
  'curly',
  'dreads',
  'frida',
  'fro',
  'froBand',
  'shavedSides',
  'straight01',
  'straight02',
  'dreads01',
  'dreads02',
  'frizzle',
  'shortCurly',
  'shortFlat',
  'shortRound',
  'shortWaved',
  'sides',
  'theCaesar',
  'theCaesarAndSidePart',
];
const avataaarsGlasses: Names<AvataaarsOptions['accessories']> = [
  'prescription01',
  'prescription02',
  'round',
];
const avataaarsBeards: Names<AvataaarsOptions['facialHair']> = ['beardLight', 'beardMedium'];
const avataaarsClothing: Names<AvataaarsOptions['clothing']> = [
  'blazerAndShirt',
  'blazerAndSweater',
  'collarAndSweater',
  'hoodie',
  'overall',
  'shirtCrewNeck',
  'shirtScoopNeck',
  'shirtVNeck',
];

// One palette for both styles, so that a colour tells nothing about the style either.
const skins = ['ffdbb4', 'f2c7a0', 'edb98a', 'd08b5b', 'ae5d29', '8a5a3c'];
const hairColors = ['2c1b18', '4a312c', '724133', 'a55728', 'b58143', 'd6b370', 'c93305', 'e8e1e1'];
const fabricColors = [
  '262e33',
  '65c9ff',
  '5199e4',
  '25557c',
  'e6e6e6',
  '929598',
  'a7ffc4',
  'ffafb9',
  'ffffb1',
  'ff488e',
  'ff5c5c',
  'e78276',
  'ffcf77',
  '78e185',
];
const frameColors = ['262e33', '3c4f5c', '25557c', '724133', 'ff488e'];

/**
 * The split to which everyone with this style, head and skin belongs. It is a property of the look itself, so
 * no look of a test set is in any training set, of this seed or of another.
 */
export function splitOf({ style, head, skin }: Pick<Person, 'style' | 'head' | 'skin'>): Split {
  return hash32(`split/${style}/${head}/${skin}`) % 4 === 0 ? 'test' : 'train';
}

export function personKey(person: Person): string {
  return Object.values(person).join('|');
}

function drawAnyone(random: Random, style: Style): Person {
  const open = style === 'openPeeps';
  const head = random.pick<string>(open ? openPeepsHeads : avataaarsHeads);
  const glasses = random.pick<string>(open ? openPeepsGlasses : avataaarsGlasses);
  const beard = random.pick<string>(open ? openPeepsBeards : avataaarsBeards);
  return {
    style,
    head,
    skin: random.pick(skins),
    hairColor: random.pick(hairColors),
    glasses: random.chance(0.2) ? glasses : null,
    glassesColor: random.pick(frameColors),
    beard: random.chance(0.15) && head !== 'hijab' ? beard : null,
    clothing: open ? 'shirt' : random.pick<string>(avataaarsClothing),
    clothesColor: random.pick(fabricColors),
    hatColor: random.pick(fabricColors),
  };
}

/** One person of the split: all their features are drawn before anyone asks for a mood. */
export function drawPerson(random: Random, split: Split, style: Style): Person {
  for (;;) {
    const person = drawAnyone(random, style);
    if (splitOf(person) === split) return person;
  }
}

/** Share of Open Peeps among the people: below a half because not every class can be drawn in it. */
const openPeepsShare = 0.4;

/** Person `index` of the split, the same one for every class. */
export function personAt(seed: number, split: Split, index: number): Person {
  const random = randomOf(seed, split, 'person', index);
  const style = random.chance(openPeepsShare) ? 'openPeeps' : 'avataaars';
  return drawPerson(random, split, style);
}

/** Who poses in the place of person `index` where their style lacks the expression. */
export function standInAt(seed: number, split: Split, index: number): Person {
  return drawPerson(randomOf(seed, split, 'stand-in', index), split, 'avataaars');
}
