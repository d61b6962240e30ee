import type { Options as AvataaarsOptions } from '@dicebear/avataaars';
import type { Options as OpenPeepsOptions } from '@dicebear/open-peeps';

export type Style = 'openPeeps' | 'avataaars';
export type OpenPeepsFace = NonNullable<OpenPeepsOptions['face']>[number];
export type Eyes = NonNullable<AvataaarsOptions['eyes']>[number];
export type Eyebrows = NonNullable<AvataaarsOptions['eyebrows']>[number];
export type Mouth = NonNullable<AvataaarsOptions['mouth']>[number];

/** Any eyes with any eyebrows with any mouth of the group makes one face. */
export type AvataaarsGroup = {
  readonly eyes: readonly Eyes[];
  readonly eyebrows: readonly Eyebrows[];
  readonly mouth: readonly Mouth[];
};

export type Expression = {
  /** Empty where Open Peeps has no face that a person would call by this name. */
  readonly openPeeps: readonly OpenPeepsFace[];
  readonly avataaars: readonly AvataaarsGroup[];
};

export type ClassName =
  | 'surprise'
  | 'fear'
  | 'disgust'
  | 'happiness'
  | 'sadness'
  | 'anger'
  | 'neutral'
  | 'contempt';

const calmBrows = ['default', 'defaultNatural'] as const;
const raisedBrows = ['raisedExcited', 'raisedExcitedNatural'] as const;
const worriedBrows = ['sadConcerned', 'sadConcernedNatural', 'frownNatural'] as const;
const angryBrows = ['angry', 'angryNatural'] as const;
const unevenBrows = ['upDown', 'upDownNatural'] as const;

/** What is drawn for each class. A face that a person could give two names to is in none of them. */
export const expressions: Readonly<Record<ClassName, Expression>> = {
  surprise: {
    openPeeps: ['awe', 'explaining'],
    avataaars: [
      { eyes: ['surprised'], eyebrows: raisedBrows, mouth: ['disbelief'] },
      { eyes: ['surprised'], eyebrows: ['raisedExcited'], mouth: ['screamOpen'] },
    ],
  },
  fear: {
    openPeeps: ['fear', 'hectic', 'concerned'],
    avataaars: [
      {
        eyes: ['surprised'],
        eyebrows: worriedBrows,
        mouth: ['grimace', 'screamOpen', 'concerned'],
      },
    ],
  },
  disgust: {
    // None of its faces says disgust: a near one would teach the wrong thing.
    openPeeps: [],
    avataaars: [
      {
        eyes: ['closed', 'squint', 'xDizzy'],
        eyebrows: ['frownNatural', 'angryNatural'],
        mouth: ['vomit'],
      },
      // With lowered brows the tongue would be cheek.
      { eyes: ['squint', 'xDizzy'], eyebrows: ['frownNatural'], mouth: ['tongue'] },
    ],
  },
  happiness: {
    openPeeps: ['smile', 'smileBig', 'smileLOL', 'calm', 'lovingGrin1'],
    avataaars: [
      {
        eyes: ['happy', 'default'],
        eyebrows: [...calmBrows, ...raisedBrows],
        mouth: ['smile', 'twinkle'],
      },
    ],
  },
  sadness: {
    openPeeps: ['solemn', 'tired'],
    avataaars: [{ eyes: ['cry', 'default', 'closed'], eyebrows: worriedBrows, mouth: ['sad'] }],
  },
  anger: {
    openPeeps: ['rage', 'veryAngry', 'angryWithFang'],
    avataaars: [
      {
        eyes: ['default', 'squint'],
        eyebrows: angryBrows,
        mouth: ['serious', 'sad', 'screamOpen', 'grimace'],
      },
    ],
  },
  neutral: {
    openPeeps: ['serious', 'eyesClosed'],
    avataaars: [{ eyes: ['default'], eyebrows: [...calmBrows, 'flatNatural'], mouth: ['serious'] }],
  },
  contempt: {
    openPeeps: ['contempt', 'suspicious', 'blank'],
    avataaars: [{ eyes: ['side', 'eyeRoll'], eyebrows: unevenBrows, mouth: ['serious'] }],
  },
};

export function isDrawnClass(name: string): name is ClassName {
  return Object.hasOwn(expressions, name);
}

export type Face =
  | { readonly style: 'openPeeps'; readonly face: OpenPeepsFace }
  | {
      readonly style: 'avataaars';
      readonly eyes: Eyes;
      readonly eyebrows: Eyebrows;
      readonly mouth: Mouth;
    };

/** Every face that the class has in the style. */
export function facesOf(className: ClassName, style: Style): readonly Face[] {
  const { openPeeps, avataaars } = expressions[className];
  if (style === 'openPeeps') return openPeeps.map((face) => ({ style, face }));
  return avataaars.flatMap((group) =>
    group.eyes.flatMap((eyes) =>
      group.eyebrows.flatMap((eyebrows) =>
        group.mouth.map((mouth) => ({ style, eyes, eyebrows, mouth })),
      ),
    ),
  );
}
