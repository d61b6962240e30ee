import { join } from 'node:path';
import { calibrationSvg } from '../charts/calibration_svg.js';
import { robustnessSvg } from '../charts/robustness_svg.js';
import { writeChart } from '../charts/write_chart.js';
import { folderName } from '../format.js';
import { evaluationText, type FullEvaluation } from '../report/report.js';
import { type ReportPage, reportPage } from '../report/report_page.js';
import { type ReportFiles, writeReport } from '../training/run_folder.js';
import { writeFileSafely } from '../write_file.js';

/** Paths of an evaluation. Beside each SVG lies a PNG of the same name. */
export interface EvaluationFiles extends ReportFiles {
  /** All of it as a page, with pictures. */
  page: string;
  /** All numbers as JSON. */
  json: string;
  /** A line an image: path, label, prediction, probability of each class. */
  predictions: string;
  /** The reliability diagram. */
  calibration: string;
  /** Accuracy by severity, where images were corrupted. */
  robustness?: string;
  /** One image under each corruption, where images were corrupted. */
  corruptions?: string;
}

/** Writes all of an evaluation. `page` is what its page shows beside the result, `sheet` a PNG of what the corruptions do. */
export async function writeEvaluation(
  out: string,
  result: FullEvaluation,
  page: Omit<ReportPage, 'title' | 'result'>,
  sheet: Uint8Array | undefined,
): Promise<EvaluationFiles> {
  const at = (name: string) => join(out, name);
  const flip = result.flipAverage ? ', averaged with the mirror image' : '';
  const subtitle = `${folderName(result.data)}, each image alone (vit)${flip}`;
  const files: EvaluationFiles = {
    ...(await writeReport(out, result, subtitle, evaluationText(result))),
    page: at('report.html'),
    json: at('report.json'),
    predictions: at('predictions.csv'),
    calibration: at('calibration.svg'),
  };
  await writeFileSafely(files.json, `${JSON.stringify(numbersOf(result), null, 2)}\n`);
  await writeFileSafely(files.predictions, predictionsCsv(result));
  const { calibration, robustness, report } = result;
  await writeChart(files.calibration, await calibrationSvg({ calibration, subtitle }));
  const title = `${folderName(result.data)} by ${result.checkpoint}`;
  await writeFileSafely(files.page, await reportPage({ ...page, title, result }));
  if (!sheet) return files;
  const chart = { accuracy: report.accuracy, robustness, subtitle };
  const charts = { robustness: at('robustness.svg'), corruptions: at('corruptions.png') };
  await writeChart(charts.robustness, await robustnessSvg(chart));
  await writeFileSafely(charts.corruptions, sheet);
  return { ...files, ...charts };
}

/** All but the predictions, which have a file of their own. */
export function numbersOf<T extends FullEvaluation>({
  predictions: _,
  ...numbers
}: T): Omit<T, 'predictions'> {
  return numbers;
}

/** As RFC 4180 has it, with a head. Labels and predictions are class names. */
export function predictionsCsv({
  predictions,
  classNames,
}: Pick<FullEvaluation, 'predictions' | 'classNames'>): string {
  const lines = predictions.map(({ path, label, prediction, probabilities }) => [
    path,
    classNames[label]!,
    classNames[prediction]!,
    ...probabilities.map((probability) => probability.toPrecision(6)),
  ]);
  return [['path', 'label', 'prediction', ...classNames], ...lines]
    .map((fields) => `${fields.map(csvField).join(',')}\r\n`)
    .join('');
}

function csvField(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
