import type { ClassReport } from '../../training/metrics.js';
import { percent } from '../format.js';
import {
  characterWidth,
  draw,
  hairline,
  ink,
  muted,
  type Page,
  page,
  pagePadding,
} from './svg_page.js';

/** What `classBarsSvg` draws. */
export interface ClassBarsChart {
  /** What `classReport` gives. */
  report: ClassReport;
  /** In label order. */
  classNames: readonly string[];
  /** Default `Classes`. */
  title?: string;
  /** A line of its own below the one that gives the mean, such as which model and data. */
  subtitle?: string;
}

interface Bar {
  label: number;
  measure: string;
  value: number | null;
}

const colors: Record<string, string> = {
  precision: '#2563eb',
  recall: '#d97706',
  F1: '#059669',
};

const measures = Object.keys(colors);
const barsWidth = 400;
const rowHeight = 62;
const marginTop = 44;

/**
 * Draws precision, recall and F1 of each class as an SVG document like `confusionMatrixSvg`.
 *
 * @example
 * const report = classReport([[3, 1], [0, 4]]); // matrix[true][predicted]
 * const svg = await classBarsSvg({ report, classNames: ['anger', 'happiness'], title: 'Faces' });
 * await writeFile('classes.svg', svg);
 * console.log(svg.includes('Faces')); // true
 */
export async function classBarsSvg(chart: ClassBarsChart): Promise<string> {
  return page(await classBarsPage(chart));
}

/** As `classBarsSvg`, before it is put together. */
export async function classBarsPage(chart: ClassBarsChart): Promise<Page> {
  const { report, classNames, title = 'Classes', subtitle } = chart;
  const marginLeft =
    Math.ceil(characterWidth * Math.max(...classNames.map(({ length }) => length))) + 16;
  const width = marginLeft + barsWidth;
  const height = marginTop + rowHeight * classNames.length + 30;
  const bars = report.classes.flatMap(({ precision, recall, f1 }, label) =>
    [precision, recall, f1].map((value, i): Bar => ({ label, measure: measures[i]!, value })),
  );
  const place = { y: 'measure', fy: 'label' } as const;
  const color = ({ measure }: Bar) => colors[measure];
  const svg = await draw((Plot) => ({
    width,
    height,
    marginTop,
    marginLeft,
    marginRight: 44,
    marginBottom: 30,
    x: { domain: [0, 1], label: null },
    y: { domain: measures, axis: null, padding: 0.1 },
    fy: { domain: [...classNames.keys()], padding: 0.2, label: null, axis: null },
    marks: [
      Plot.gridX({ stroke: hairline, strokeOpacity: 1, ticks: 5 }),
      Plot.axisX({
        fontSize: 11,
        label: null,
        fill: muted,
        ticks: 5,
        tickSize: 0,
        tickFormat: (value: number) => percent(value, 0),
        facetAnchor: 'bottom',
      }),
      Plot.axisFy({
        anchor: 'left',
        fontSize: 12,
        label: null,
        fill: ink,
        tickFormat: (label: number) => classNames[label] ?? '',
      }),
      Plot.barX(bars, { ...place, x: ({ value }: Bar) => value ?? 0, fill: color }),
      Plot.text(bars, {
        ...place,
        x: ({ value }: Bar) => value ?? 0,
        text: ({ value }: Bar) => percent(value, 0),
        textAnchor: 'start',
        dx: 4,
        fontSize: 10,
        fill: muted,
      }),
      ...measures.map((name, i) =>
        Plot.text([name], {
          text: [`■ ${name}`],
          fy: [0],
          frameAnchor: 'top-left',
          textAnchor: 'start',
          dx: 84 * i,
          dy: -marginTop + 16,
          fontSize: 12,
          fill: colors[name]!,
        }),
      ),
    ],
  }));
  return {
    width: width + 2 * pagePadding,
    height,
    title,
    lines: [
      `Mean class accuracy (mean of the recalls) ${percent(report.meanClassAccuracy, 2)}`,
      ...(subtitle ? [subtitle] : []),
    ],
    panels: [{ svg, x: pagePadding, y: 0 }],
  };
}
