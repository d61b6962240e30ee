import { count, percent, plural } from '../format.js';
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

/** What one epoch of training has to show. Accuracies are 0…1. */
export interface EpochRecord {
  /** Counted from 1. */
  epoch: number;
  /** Mean over the epoch of the total loss and of its parts, where the model has them. */
  loss: { total: number; vit?: number; bt?: number; cba?: number };
  /** `validation` is of images held out of training, which choose the best epoch then. */
  accuracy: { train?: number; validation?: number; test?: number };
  /** At the epoch's end. */
  learningRate?: number;
}

interface Point {
  epoch: number;
  value: number;
  series: string;
}

interface ValueAxis {
  label: string;
  domain: [number, number];
  tickFormat?: (value: number) => string;
}

/**
 * Draws the loss with its parts, the accuracies, and the learning rate where it is known, by epoch as
 * an SVG document like `confusionMatrixSvg`. The epoch with the best validation accuracy is marked, or the best test
 * accuracy where nothing was held out.
 *
 * @param records one for each epoch; values that are not finite are left out of the lines.
 *
 * @example
 * const records = [
 *   { epoch: 1, loss: { total: 1.9 }, accuracy: { train: 0.2, test: 0.25 } },
 *   { epoch: 2, loss: { total: 1.2 }, accuracy: { train: 0.6, test: 0.5 } },
 * ];
 * const svg = await curvesSvg(records);
 * await writeFile('curves.svg', svg);
 * console.log(/best test accuracy \S+ \S+ \d/.exec(svg)?.[0]); // best test accuracy 50.00%, epoch 2
 */
export async function curvesSvg(
  records: readonly EpochRecord[],
  title = 'Training',
): Promise<string> {
  return page(await curvesPage(records, title));
}

/** As `curvesSvg`, before it is put together. */
export async function curvesPage(
  records: readonly EpochRecord[],
  title = 'Training',
): Promise<Page> {
  const losses = points(records, ['total', 'vit', 'bt', 'cba'], ({ loss }) => loss);
  const accuracies = points(records, ['train', 'validation', 'test'], ({ accuracy }) => accuracy);
  const heldOut = accuracies.some(({ series }) => series === 'validation');
  const chooser = heldOut ? 'validation' : 'test';
  const best = bestOf(accuracies.filter(({ series }) => series === chooser));
  const rates = points(records, ['rate'], ({ learningRate }) => ({ rate: learningRate }));
  const drawings = [
    await drawLosses(losses),
    await drawAccuracies(accuracies, best),
    ...(rates.length > 0 ? [await drawRates(rates)] : []),
  ];
  return {
    width: drawings.length * (panelWidth + pagePadding) + pagePadding,
    height: panelHeight,
    title,
    lines: [
      `${count(records.length)} ${plural(records.length, 'epoch')}` +
        (best ? ` · best ${chooser} accuracy ${percent(best.value, 2)}, epoch ${best.epoch}` : ''),
    ],
    panels: drawings.map((svg, i) => ({
      svg,
      x: pagePadding + i * (panelWidth + pagePadding),
      y: 0,
    })),
  };
}

const panelWidth = 440;
const panelHeight = 320;
const marginLeft = 46;
const topLeft = { frameAnchor: 'top-left', textAnchor: 'start' } as const;

const seriesColors: Record<string, string> = {
  total: ink,
  vit: '#2563eb',
  bt: '#d97706',
  cba: '#059669',
  train: '#9ca3af',
  validation: '#2563eb',
  test: '#2563eb',
  rate: '#7c3aed',
};

function drawLosses(losses: readonly Point[]): Promise<string> {
  return drawLines(losses, { label: 'loss', domain: lossDomain(losses) });
}

function drawAccuracies(accuracies: readonly Point[], best: Point | undefined): Promise<string> {
  const tickFormat = (value: number) => percent(value, 0);
  const axis = { label: 'accuracy', domain: accuracyDomain(accuracies), tickFormat };
  return drawLines(accuracies, axis, best);
}

function drawRates(rates: readonly Point[]): Promise<string> {
  const highest = Math.max(...rates.map(({ value }) => value));
  const domain: [number, number] = [0, highest > 0 ? highest * 1.05 : 1];
  return drawLines(rates, { label: 'learning rate', domain, tickFormat: rateText });
}

/** Such as `0.001` or `2e-5`. */
function rateText(rate: number): string {
  const short = Number(rate.toPrecision(3));
  return short === 0 || short >= 0.001 ? `${short}` : short.toExponential();
}

function drawLines(data: readonly Point[], axis: ValueAxis, best?: Point): Promise<string> {
  const epochs = [...new Set(data.map(({ epoch }) => epoch))];
  const place = { x: 'epoch', y: 'value' } as const;
  const color = ({ series }: Point) => seriesColors[series]!;
  return draw((Plot) => ({
    width: panelWidth,
    height: panelHeight - 10,
    marginTop: 50,
    marginLeft,
    marginRight: 12,
    marginBottom: 44,
    x: { label: null, inset: 4, domain: epochDomain(epochs) },
    y: { label: null, domain: axis.domain },
    marks: [
      ...axisMarks(Plot, epochs, axis),
      ...legendMarks(Plot, namesOf(data)),
      Plot.line(data, { ...place, z: 'series', stroke: color, strokeWidth: 2 }),
      // A line needs two points to be seen.
      Plot.dot(epochs.length === 1 ? data : [], { ...place, fill: color, r: 3 }),
      Plot.dot(best ? [best] : [], { ...place, fill: color, r: 4 }),
    ],
  }));
}

function axisMarks(Plot: PlotLibrary, epochs: readonly number[], axis: ValueAxis) {
  const common = { fontSize: 11, label: null, fill: muted };
  const { tickFormat, label } = axis;
  return [
    Plot.gridY({ stroke: hairline, strokeOpacity: 1, ticks: 5 }),
    Plot.axisY({ ...common, ticks: 5, tickSize: 0, tickFormat }),
    Plot.axisX({
      ...common,
      ticks: epochTicks(epochs),
      tickFormat: 'd',
      tickSize: 4,
      stroke: muted,
    }),
    Plot.text(['epoch'], { frameAnchor: 'bottom', dy: 34, fontSize: 12, fill: muted }),
    Plot.text([label], { ...topLeft, dx: -marginLeft, dy: -42, fontSize: 13, fontWeight: 600 }),
  ];
}

/** A single line is named by its axis. */
function namesOf(data: readonly Point[]): string[] {
  return [...new Set(data.map(({ series }) => series))].filter((name) => name !== 'rate');
}

function legendMarks(Plot: PlotLibrary, series: readonly string[]) {
  return series.map((name, i) =>
    Plot.text([`● ${name}`], {
      ...topLeft,
      dx: -marginLeft + 62 * i,
      dy: -24,
      fontSize: 12,
      fill: seriesColors[name]!,
    }),
  );
}

function lossDomain(losses: readonly Point[]): [number, number] {
  const highest = Math.max(0, ...losses.map(({ value }) => value));
  return [0, highest > 0 ? highest * 1.05 : 1];
}

/** The tenths around the values: from 0% only if they come near it. */
function accuracyDomain(accuracies: readonly Point[]): [number, number] {
  if (accuracies.length === 0) return [0, 1];
  const values = accuracies.map(({ value }) => value);
  const low = Math.min(0.9, Math.floor(Math.min(...values) * 10) / 10);
  return [low, Math.max(low + 0.1, Math.ceil(Math.max(...values) * 10) / 10)];
}

function epochDomain(epochs: readonly number[]): [number, number] {
  const [first, last] = [Math.min(...epochs), Math.max(...epochs)];
  if (epochs.length === 0) return [0, 1];
  return first === last ? [first - 1, last + 1] : [first, last];
}

/** About eight epochs at most, at steps of 1, 2 or 5 times a power of ten. */
function epochTicks(epochs: readonly number[]): number[] {
  const [first, last] = [Math.min(...epochs), Math.max(...epochs)];
  const steps = Array.from({ length: 7 }, (_, power) =>
    [1, 2, 5].map((m) => m * 10 ** power),
  ).flat();
  const step = steps.find((candidate) => (last - first) / candidate <= 8) ?? last;
  return epochs.filter((epoch) => epoch % step === 0 || (step > 1 && epoch === first));
}

function points<K extends string>(
  records: readonly EpochRecord[],
  series: readonly K[],
  valuesOf: (record: EpochRecord) => Partial<Record<K, number>>,
): Point[] {
  return series.flatMap((name) =>
    records.flatMap((record) => {
      const value = valuesOf(record)[name];
      if (value === undefined || !Number.isFinite(value)) return [];
      return [{ epoch: record.epoch, value, series: name }];
    }),
  );
}

function bestOf(accuracies: readonly Point[]): Point | undefined {
  return accuracies.reduce<Point | undefined>(
    (best, point) => (best && best.value >= point.value ? best : point),
    undefined,
  );
}
