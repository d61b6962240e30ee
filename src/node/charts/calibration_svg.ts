import type { Calibration, CalibrationBin } from '../../training/calibration.js';
import { count, percent } from '../format.js';
import {
  draw,
  hairline,
  ink,
  muted,
  type Page,
  type PlotLibrary,
  page,
  pagePadding,
} from './svg_page.js';

/** What `calibrationSvg` draws. */
export interface CalibrationChart {
  /** What `calibration` gives. */
  calibration: Calibration;
  /** Default `Calibration`. */
  title?: string;
  /** A line of its own below the one that gives the errors, such as which model and data. */
  subtitle?: string;
}

const blue = '#2563eb';
const width = 440;
const reliabilityHeight = 340;
const histogramHeight = 130;
const marginLeft = 46;
const marginRight = 20;
const domain: [number, number] = [0, 1];
const share = (value: number) => percent(value, 0);

/**
 * Draws a reliability diagram as an SVG document like `confusionMatrixSvg`: of the predictions of each
 * range of confidence the part that is right, a mark where it would have to end, and below it how many
 * predictions there are.
 *
 * @example
 * const probabilities = [0.9, 0.1, 0.4, 0.6]; // two images, two classes
 * const svg = await calibrationSvg({ calibration: calibration(probabilities, [0, 0], 2) });
 * await writeFile('calibration.svg', svg);
 * console.log(/ECE \S+/.exec(svg)?.[0]); // ECE 35.00%
 */
export async function calibrationSvg(chart: CalibrationChart): Promise<string> {
  return page(await calibrationPage(chart));
}

/** As `calibrationSvg`, before it is put together. */
export async function calibrationPage(chart: CalibrationChart): Promise<Page> {
  const { calibration, title = 'Calibration', subtitle } = chart;
  const { expectedError, negativeLogLikelihood, bins } = calibration;
  const filled = bins.filter((bin) => bin.count > 0);
  return {
    width: width + 2 * pagePadding,
    height: reliabilityHeight + histogramHeight,
    title,
    lines: [
      `ECE ${percent(expectedError, 2)} (${bins.length} bins) · negative log-likelihood ` +
        `${negativeLogLikelihood?.toFixed(3) ?? '–'} · ` +
        `${count(bins.reduce((sum, bin) => sum + bin.count, 0))} images`,
      ...(subtitle ? [subtitle] : []),
    ],
    panels: [
      { svg: await drawReliability(filled), x: pagePadding, y: 0 },
      { svg: await drawHistogram(filled), x: pagePadding, y: reliabilityHeight },
    ],
  };
}

function drawReliability(bins: readonly CalibrationBin[]): Promise<string> {
  return draw((Plot) => ({
    width,
    height: reliabilityHeight,
    marginTop: 44,
    marginLeft,
    marginRight,
    marginBottom: 28,
    x: { domain, label: null },
    y: { domain, label: null },
    marks: [
      ...axisMarks(Plot, 'accuracy', { tickFormat: share }),
      ...legendMarks(Plot),
      Plot.rectY(bins, { x1: 'lower', x2: 'upper', y: 'accuracy', fill: blue, inset: 0.5 }),
      Plot.line(
        [
          [0, 0],
          [1, 1],
        ],
        { stroke: muted, strokeDasharray: '4 4' },
      ),
      Plot.ruleY(bins, { x1: 'lower', x2: 'upper', y: 'confidence', stroke: ink, strokeWidth: 2 }),
    ],
  }));
}

function legendMarks(Plot: PlotLibrary) {
  const place = { frameAnchor: 'top-left', textAnchor: 'start', fontSize: 12 } as const;
  return [
    Plot.text(['■ right'], { ...place, dx: 40, dy: -18, fill: blue }),
    Plot.text(['━ mean confidence: the bar ends here if it is true'], {
      ...place,
      dx: 100,
      dy: -18,
    }),
  ];
}

function drawHistogram(bins: readonly CalibrationBin[]): Promise<string> {
  return draw((Plot) => ({
    width,
    height: histogramHeight,
    marginTop: 30,
    marginLeft,
    marginRight,
    marginBottom: 44,
    x: { domain, label: null },
    y: { label: null, domain: [0, Math.max(1, ...bins.map((bin) => bin.count))] },
    marks: [
      ...axisMarks(Plot, 'images', { ticks: 3, tickFormat: count }),
      Plot.rectY(bins, { x1: 'lower', x2: 'upper', y: 'count', fill: '#9ca3af', inset: 0.5 }),
      Plot.text(['confidence: probability of the predicted class'], {
        frameAnchor: 'bottom',
        dy: 34,
        fontSize: 12,
        fill: muted,
      }),
    ],
  }));
}

function axisMarks(
  Plot: PlotLibrary,
  label: string,
  options: { ticks?: number; tickFormat: (value: number) => string },
) {
  const { ticks = 5, tickFormat } = options;
  const common = { fontSize: 11, label: null, fill: muted };
  return [
    Plot.gridY({ stroke: hairline, strokeOpacity: 1, ticks }),
    Plot.axisY({ ...common, ticks, tickSize: 0, tickFormat }),
    Plot.axisX({ ...common, ticks: 5, tickFormat: share, tickSize: 4, stroke: muted }),
    Plot.text([label], {
      frameAnchor: 'top-left',
      textAnchor: 'start',
      dx: -marginLeft,
      dy: -18,
      fontSize: 13,
      fontWeight: 600,
    }),
  ];
}
