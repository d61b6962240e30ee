import type { Corruption } from '../../training/corruption.js';
import { percent } from '../format.js';
import { draw, hairline, muted, type Page, page, pagePadding } from './svg_page.js';

/** What `robustnessSvg` draws. */
export interface RobustnessChart {
  /** Accuracy 0…1 of the images as they are. */
  accuracy: number | null;
  /** Accuracies of corrupted images. */
  robustness: readonly { corruption: Corruption; severity: number; accuracy: number | null }[];
  /** Default `Robustness`. */
  title?: string;
  /** A line under the title, such as which model and data. */
  subtitle?: string;
}

interface Point {
  corruption: Corruption;
  severity: number;
  accuracy: number;
}

const width = 560;
const height = 340;
const marginLeft = 46;
const marginRight = 88;

const colors: Record<Corruption, string> = {
  occlusion: '#2563eb',
  resolution: '#d97706',
  blur: '#059669',
  noise: '#dc2626',
  dark: '#7c3aed',
};

/**
 * Draws accuracy by severity, a line for each corruption, as an SVG document like `curvesSvg`.
 *
 * @example
 * const robustness = [0.85, 0.7, 0.6, 0.4, 0.3].map(
 *   (accuracy, i) => ({ corruption: 'blur' as const, severity: i + 1, accuracy }),
 * );
 * const svg = await robustnessSvg({ accuracy: 0.9, robustness });
 * await writeFile('robustness.svg', svg);
 * console.log(/Accuracy \S+/.exec(svg)?.[0]); // Accuracy 90.00%
 */
export async function robustnessSvg(chart: RobustnessChart): Promise<string> {
  return page(await robustnessPage(chart));
}

/** As `robustnessSvg`, before it is put together. */
export async function robustnessPage(chart: RobustnessChart): Promise<Page> {
  const { title = 'Robustness', subtitle } = chart;
  const points = pointsOf(chart);
  const names = [...new Set(points.map(({ corruption }) => corruption))];
  const last = names.map((name) => points.filter(({ corruption }) => corruption === name).at(-1)!);
  const place = { x: 'severity', y: 'accuracy' } as const;
  const color = ({ corruption }: Point) => colors[corruption];
  const svg = await draw((Plot) => ({
    width,
    height,
    marginTop: 44,
    marginLeft,
    marginRight,
    marginBottom: 44,
    x: { domain: [0, 5], label: null },
    y: { domain: [0, 1], label: null },
    marks: [
      Plot.gridY({ stroke: hairline, strokeOpacity: 1, ticks: 5 }),
      Plot.axisY({
        fontSize: 11,
        label: null,
        fill: muted,
        ticks: 5,
        tickSize: 0,
        tickFormat: (value: number) => percent(value, 0),
      }),
      Plot.axisX({
        fontSize: 11,
        label: null,
        fill: muted,
        ticks: [0, 1, 2, 3, 4, 5],
        tickFormat: (value: number) => (value === 0 ? 'as it is' : `${value}`),
        tickSize: 4,
        stroke: muted,
      }),
      Plot.text(['accuracy'], {
        frameAnchor: 'top-left',
        textAnchor: 'start',
        dx: -marginLeft,
        dy: -22,
        fontSize: 13,
        fontWeight: 600,
      }),
      Plot.text(['severity'], { frameAnchor: 'bottom', dy: 34, fontSize: 12, fill: muted }),
      Plot.line(points, { ...place, z: 'corruption', stroke: color, strokeWidth: 2 }),
      Plot.dot(points, { ...place, fill: color, r: 3 }),
      ...apart(last).map(({ point, y }) =>
        Plot.text([point], {
          x: 'severity',
          y,
          text: 'corruption',
          textAnchor: 'start',
          dx: 10,
          fontSize: 12,
          fill: color,
        }),
      ),
    ],
  }));
  return {
    width: width + 2 * pagePadding,
    height,
    title,
    lines: [
      `Accuracy ${percent(chart.accuracy, 2)} as it is, each image alone (vit)`,
      ...(subtitle ? [subtitle] : []),
    ],
    panels: [{ svg, x: pagePadding, y: 0 }],
  };
}

/** By corruption, then severity; 0 is of the images as they are. */
function pointsOf({ accuracy, robustness }: RobustnessChart): Point[] {
  const names = [...new Set(robustness.map(({ corruption }) => corruption))];
  return names
    .flatMap((corruption) => [
      { corruption, severity: 0, accuracy },
      ...robustness.filter((each) => each.corruption === corruption),
    ])
    .filter((point): point is Point => point.accuracy !== null);
}

/** Heights of labels so that none covers another. */
function apart(points: readonly Point[]): { point: Point; y: number }[] {
  const least = 0.06;
  let below = Number.NEGATIVE_INFINITY;
  return [...points]
    .sort((a, b) => a.accuracy - b.accuracy)
    .map((point) => {
      below = Math.max(point.accuracy, below + least);
      return { point, y: below };
    });
}
