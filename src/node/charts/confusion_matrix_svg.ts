import { ArgumentError } from '../../ops/errors.js';
import { classReport } from '../../training/metrics.js';
import { count, percent } from '../format.js';
import {
  characterWidth,
  draw,
  ink,
  muted,
  type Page,
  type PlotLibrary,
  page,
  pagePadding,
} from './svg_page.js';

/** What `confusionMatrixSvg` draws. */
export interface ConfusionMatrixChart {
  /** Counts, `matrix[true][predicted]`. Shape [C, C]. */
  matrix: readonly (readonly number[])[];
  /** In label order, C of them. */
  classNames: readonly string[];
  /** Default `Confusion matrix`. */
  title?: string;
  /** A line of its own below the one that gives the accuracies, such as which model and data. */
  subtitle?: string;
}

interface Cell {
  label: number;
  predicted: number;
  value: number;
  /** Of the row; null if the row is empty. */
  share: number | null;
}

interface Row {
  label: number;
  recall: number | null;
  support: number;
}

type Layout = ReturnType<typeof layOut>;

const cellSize = 70;
/** Right ends of the two columns beside the matrix, from its right edge. */
const recallEnd = 66;
const supportEnd = 120;

/**
 * Draws a confusion matrix as an SVG document: rows are true classes, columns predicted ones. A
 * cell shows its count and its share of the row, which also colours it; each row ends with the
 * class's recall and number of images. Overall and mean class accuracy stand under the title.
 *
 * The document needs no style sheet, script or font, so that any viewer or converter can show it.
 *
 * @throws ArgumentError if the matrix is not square or there is not one name per class.
 *
 * @example
 * const matrix = [[3, 1], [0, 4]]; // matrix[true][predicted]
 * const svg = await confusionMatrixSvg({ matrix, classNames: ['anger', 'happiness'] });
 * await writeFile('confusion_matrix.svg', svg);
 * console.log(/Accuracy \S+/.exec(svg)?.[0]); // Accuracy 87.50%
 */
export async function confusionMatrixSvg(chart: ConfusionMatrixChart): Promise<string> {
  return page(await confusionMatrixPage(chart));
}

/** As `confusionMatrixSvg`, before it is put together. */
export async function confusionMatrixPage(chart: ConfusionMatrixChart): Promise<Page> {
  const { matrix, classNames, title = 'Confusion matrix', subtitle } = chart;
  const report = classReport(matrix);
  if (classNames.length !== matrix.length) {
    throw new ArgumentError(`${classNames.length} class names for ${matrix.length} classes`);
  }
  const layout = layOut(classNames);
  const rows = report.classes.map(({ recall, support }, label) => ({ label, recall, support }));
  const svg = await draw((Plot) => ({
    ...layout,
    padding: 0,
    x: { type: 'band', domain: [...classNames.keys()], label: null },
    y: { type: 'band', domain: [...classNames.keys()], label: null },
    color: { type: 'linear', scheme: 'blues', domain: [0, 1], unknown: '#f3f4f6' },
    marks: [
      ...cellMarks(Plot, cellsOf(matrix)),
      ...axisMarks(Plot, classNames, layout),
      ...sideMarks(Plot, rows),
    ],
  }));
  return {
    width: layout.width + 2 * pagePadding,
    height: layout.height,
    title,
    lines: [
      `Accuracy ${percent(report.accuracy, 2)} · mean class accuracy ` +
        `${percent(report.meanClassAccuracy, 2)} · ${count(report.total)} images`,
      ...(subtitle ? [subtitle] : []),
    ],
    panels: [{ svg, x: pagePadding, y: 0 }],
  };
}

function layOut(classNames: readonly string[]) {
  const nameWidth = characterWidth * Math.max(...classNames.map(({ length }) => length));
  const slanted = nameWidth > cellSize - 4;
  const marginLeft = Math.ceil(nameWidth) + 40;
  const marginRight = supportEnd + 4;
  const marginTop = 30;
  const marginBottom = slanted ? Math.ceil(nameWidth * 0.62) + 48 : 54;
  const size = classNames.length * cellSize;
  return {
    marginLeft,
    marginRight,
    marginTop,
    marginBottom,
    width: marginLeft + size + marginRight,
    height: marginTop + size + marginBottom,
    slanted,
  };
}

function cellsOf(matrix: readonly (readonly number[])[]): Cell[] {
  return matrix.flatMap((row, label) => {
    const total = row.reduce((sum, value) => sum + value, 0);
    return row.map((value, predicted) => ({
      label,
      predicted,
      value,
      share: total > 0 ? value / total : null,
    }));
  });
}

function cellMarks(Plot: PlotLibrary, cells: readonly Cell[]) {
  const place = { x: 'predicted', y: 'label' } as const;
  const some = cells.filter(({ value }) => value > 0);
  const none = cells.filter(({ value }) => value === 0);
  const value = ({ value }: Cell) => count(value);
  return [
    Plot.cell(cells, { ...place, fill: 'share', inset: 1, rx: 3 }),
    Plot.text(some, {
      ...place,
      text: value,
      fill: cellInk,
      fontSize: 14,
      fontWeight: 600,
      dy: -7,
    }),
    Plot.text(some, { ...place, text: cellShare, fill: cellInk, fontSize: 11, dy: 10 }),
    Plot.text(none, { ...place, text: value, fill: '#9ca3af', fontSize: 12 }),
  ];
}

function axisMarks(Plot: PlotLibrary, classNames: readonly string[], layout: Layout) {
  const tickFormat = (label: number) => classNames[label] ?? '';
  const ticks = { tickSize: 0, fontSize: 12, tickFormat, label: null };
  const title = { fontSize: 13, fontWeight: 600, textAnchor: 'middle' } as const;
  return [
    Plot.axisY(ticks),
    Plot.axisX({ ...ticks, tickRotate: layout.slanted ? -40 : 0 }),
    Plot.text(['true'], {
      ...title,
      frameAnchor: 'left',
      dx: -layout.marginLeft + 10,
      rotate: -90,
    }),
    Plot.text(['predicted'], { ...title, frameAnchor: 'bottom', dy: layout.marginBottom - 14 }),
  ];
}

function sideMarks(Plot: PlotLibrary, rows: readonly Row[]) {
  const head = {
    frameAnchor: 'top-right',
    textAnchor: 'end',
    dy: -20,
    fontSize: 11,
    fill: muted,
  } as const;
  const beside = { y: 'label', frameAnchor: 'right', textAnchor: 'end' } as const;
  const recall = ({ recall }: Row) => percent(recall, 1);
  const support = ({ support }: Row) => count(support);
  return [
    Plot.text(['recall'], { ...head, dx: recallEnd }),
    Plot.text(['images'], { ...head, dx: supportEnd }),
    Plot.text(rows, { ...beside, text: recall, dx: recallEnd, fontSize: 13, fontWeight: 600 }),
    Plot.text(rows, { ...beside, text: support, dx: supportEnd, fontSize: 12, fill: muted }),
  ];
}

/** White on dark blue, dark on light blue. */
function cellInk({ share }: Cell): string {
  return share !== null && share > 0.62 ? 'white' : ink;
}

/** A share that is neither none nor all is not rounded to 0% or 100%. */
function cellShare({ share }: Cell): string {
  if (share !== null && share > 0 && share < 0.005) return '<1%';
  if (share !== null && share < 1 && share >= 0.995) return '>99%';
  return percent(share, 0);
}
