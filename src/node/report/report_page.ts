import { createHash } from 'node:crypto';
import { calibrationPage } from '../charts/calibration_svg.js';
import { classBarsPage } from '../charts/class_bars_svg.js';
import { confusionMatrixPage } from '../charts/confusion_matrix_svg.js';
import { curvesPage } from '../charts/curves_svg.js';
import { robustnessPage } from '../charts/robustness_svg.js';
import type { BatchAccuracy } from '../evaluation/batch_accuracy.js';
import { count, percent } from '../format.js';
import type { EpochLog } from '../training/run_folder.js';
import { Html, html } from './html.js';
import { type FullEvaluation, type ImagePrediction, intervalText } from './report.js';
import type { ReportImages } from './report_images.js';
import { attentionSection } from './report_page_attention.js';
import { details, figure, imageText, type Section, shortPath, table } from './report_page_parts.js';
import { reportScript } from './report_page_script.js';
import { reportStyle } from './report_page_style.js';

export interface ReportPage {
  /** What was evaluated, in a few words. */
  title: string;
  /** Names and values that say how. */
  facts: readonly (readonly [name: string, value: string])[];
  /** All settings, as in `config.json`, of a training run. */
  settings?: object;
  /** Of a training run; empty of an evaluation. */
  log: readonly EpochLog[];
  result: FullEvaluation;
  images: ReportImages;
}

/**
 * A report as one HTML document without links to anything: pictures, style and script are in it, and its
 * content security policy forbids it to load more. It can be read without the script, printed, and
 * shown by day and by night.
 */
export async function reportPage(page: ReportPage): Promise<string> {
  const { title, result } = page;
  const sections = [
    ...(await trainingSection(page.log)),
    ...(await resultSections(result)),
    ...wrongSection(page),
    ...attentionSection(page.images.batch, result.classNames),
  ];
  const script = page.images.batch ? reportScript : '';
  const document = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policyFor(script)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style>${new Html(reportStyle)}</style>
</head>
<body>
<header>
<h1>${title}</h1>
<p class="quiet">Unless it says otherwise, a number is of <b>vit</b>, which sees each image alone.</p>
${keyFigures(result)}
</header>
<main>
<nav aria-label="Sections">${sections.map(({ id, name }) => html`<a href="#${id}">${name}</a>`)}</nav>
${factsSection(page)}
<div class="sections">
${sections.map(({ id, name, body }) => html`<section id="${id}" aria-labelledby="${id}-name"><h2 id="${id}-name">${name}</h2>${body}</section>`)}
</div>
</main>
<footer>${footer()}</footer>
${script === '' ? undefined : html`<script>${new Html(script)}</script>`}
</body>
</html>
`;
  return document.markup;
}

/** Nothing is loaded, nothing runs but the one script. */
function policyFor(script: string): string {
  const hash = createHash('sha256').update(script).digest('base64');
  const scripts = script === '' ? "'none'" : `'sha256-${hash}'`;
  return `default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src ${scripts}`;
}

function keyFigures({
  report,
  intervals,
  calibration,
  classNames,
  flipAverage,
}: FullEvaluation): Html {
  const likelihood = calibration.negativeLogLikelihood;
  const figures = [
    ['accuracy', percent(report.accuracy, 2), `95% interval ${intervalText(intervals.accuracy)}`],
    [
      'mean class accuracy',
      percent(report.meanClassAccuracy, 2),
      `95% interval ${intervalText(intervals.meanClassAccuracy)}`,
    ],
    [
      'expected calibration error',
      percent(calibration.expectedError, 2),
      `negative log-likelihood ${likelihood?.toFixed(3) ?? '–'}`,
    ],
    [
      'images',
      count(report.total),
      `${classNames.length} classes${flipAverage ? ', averaged with the mirror images' : ''}`,
    ],
  ];
  return html`<dl class="figures">${figures.map(
    ([name, value, more]) => html`<div><dt>${name}</dt><dd>${value}</dd><dd>${more}</dd></div>`,
  )}</dl>`;
}

function factsSection({ facts, settings }: ReportPage): Html {
  const all = Object.entries(settings ?? {}).map(([name, value]) => [
    name,
    typeof value === 'string' ? value : JSON.stringify(value),
  ]);
  const list = (pairs: readonly (readonly string[])[]) =>
    html`<dl class="facts">${pairs.map(([name, value]) => html`<dt>${name}</dt><dd><bdi>${value}</bdi></dd>`)}</dl>`;
  return html`<section id="setup" aria-labelledby="setup-name"><h2 id="setup-name">What and how</h2>
${list(facts)}
${all.length > 0 ? html`<details><summary>All settings</summary>${list(all)}</details>` : undefined}
</section>`;
}

async function trainingSection(log: readonly EpochLog[]): Promise<Section[]> {
  if (log.length === 0) return [];
  const page = await curvesPage(log);
  const chooser = log.some(({ accuracy }) => accuracy.validation !== undefined)
    ? 'validation'
    : 'test';
  const rows = log.map((entry) => {
    const { epoch, loss, accuracy, learningRate, imagesPerSecond } = entry;
    return [
      epoch,
      ...[loss.total, loss.vit, loss.bt, loss.cba].map((value) => value?.toFixed(3) ?? '–'),
      percent(accuracy.train ?? null, 1),
      percent(accuracy[chooser] ?? null, 1),
      percent(entry.meanClassAccuracy, 1),
      Number(learningRate.toPrecision(3)),
      imagesPerSecond.toFixed(imagesPerSecond < 10 ? 2 : 0),
    ];
  });
  const head = [
    'epoch',
    'loss',
    'vit',
    'bt',
    'cba',
    'train',
    chooser,
    'mean class',
    'lr',
    'images/s',
  ];
  const alt = `Loss with its parts, accuracy and learning rate by epoch. ${page.lines[0]}.`;
  return [
    {
      id: 'training',
      name: 'Training',
      body: html`${figure(page, alt)}${details('All epochs', table(head, rows))}`,
    },
  ];
}

async function resultSections(result: FullEvaluation): Promise<Section[]> {
  const { matrix, classNames, report, calibration, batch, robustness } = result;
  const confusion = await confusionMatrixPage({ matrix, classNames });
  const bars = await classBarsPage({ report, classNames });
  const reliability = await calibrationPage({ calibration });
  return [
    {
      id: 'confusion',
      name: 'Confusion matrix',
      body: html`${figure(confusion, `Confusion matrix, true class by predicted class. ${confusion.lines[0]}.`, 'wide')}
${details('As a table', confusionTable(matrix, classNames))}`,
    },
    {
      id: 'classes',
      name: 'Classes',
      body: html`${figure(bars, `Precision, recall and F1 of each class. ${bars.lines[0]}.`)}
${details('As a table', classTable(result))}`,
    },
    {
      id: 'calibration',
      name: 'Calibration',
      body: html`${figure(reliability, `Accuracy by confidence. ${reliability.lines[0]}.`)}
${details('As a table', calibrationTable(result))}`,
    },
    ...(batch ? [batchSection(batch, report.accuracy)] : []),
    ...(robustness.length > 0 ? [await robustnessSection(result)] : []),
  ];
}

function confusionTable(matrix: readonly (readonly number[])[], names: readonly string[]): Html {
  return table(
    ['true \\ predicted', ...names],
    matrix.map((row, label) => [names[label]!, ...row.map(count)]),
  );
}

function classTable({ report, classNames }: FullEvaluation): Html {
  return table(
    ['class', 'precision', 'recall', 'F1', 'images'],
    report.classes.map(({ precision, recall, f1, support }, label) => [
      classNames[label]!,
      ...[precision, recall, f1].map((ratio) => percent(ratio, 1)),
      count(support),
    ]),
  );
}

function calibrationTable({ calibration }: FullEvaluation): Html {
  const filled = calibration.bins.filter((bin) => bin.count > 0);
  return table(
    ['confidence', 'mean confidence', 'accuracy', 'images'],
    filled.map(({ lower, upper, confidence, accuracy, count: images }) => [
      `${percent(lower, 0)} to ${percent(upper, 0)}`,
      percent(confidence, 1),
      percent(accuracy, 1),
      count(images),
    ]),
  );
}

function batchSection(batch: NonNullable<FullEvaluation['batch']>, vit: number | null): Section {
  const { batchSize, lastBatchSize, bt, cba } = batch;
  const last = lastBatchSize === batchSize ? '' : `, ${lastBatchSize} in the last`;
  const row = (name: string, { mean, standardDeviation, inClassOrder }: BatchAccuracy) =>
    html`<tr><th scope="row">${name}</th><td>${percent(mean, 2)} ± ${percent(standardDeviation, 2)}</td><td class="inflated">${percent(inClassOrder, 2)}</td></tr>`;
  return {
    id: 'batch',
    name: 'Outputs that depend on the batch',
    body: html`<p>What <b>bt</b> and <b>cba</b> make of an image depends on which other images share its batch
(${batchSize} images${last}). In class order a batch is nearly of one class, which gives the answer
away: that column is no result.</p>
<div class="scroll" tabindex="0"><table><thead><tr><th scope="col">accuracy</th><th scope="col">shuffled: mean ± SD of ${bt.shuffles.length}</th><th scope="col">in class order: INFLATED</th></tr></thead>
<tbody><tr><th scope="row">vit, each image alone</th><td>${percent(vit, 2)}</td><td>${percent(vit, 2)}</td></tr>${row('bt', bt)}${row('cba', cba)}</tbody></table></div>`,
  };
}

async function robustnessSection({ robustness, report }: FullEvaluation): Promise<Section> {
  const page = await robustnessPage({ accuracy: report.accuracy, robustness });
  const names = [...new Set(robustness.map(({ corruption }) => corruption))];
  const severities = [...new Set(robustness.map(({ severity }) => severity))];
  const rows = names.map((name) => [
    name,
    percent(report.accuracy, 1),
    ...robustness
      .filter(({ corruption }) => corruption === name)
      .map(({ accuracy }) => percent(accuracy, 1)),
  ]);
  const head = ['corruption', 'none', ...severities.map((severity) => `severity ${severity}`)];
  return {
    id: 'robustness',
    name: 'Corrupted images',
    body: html`<div class="beside">${figure(page, `Accuracy by severity of each corruption. ${page.lines[0]}.`)}${table(head, rows)}</div>`,
  };
}

function wrongSection({ result, images: { wrong } }: ReportPage): Section[] {
  const { classNames, predictions } = result;
  const all = predictions.filter(({ label, prediction }) => label !== prediction).length;
  const shown = wrong.length < all ? `${wrong.length} of the ${count(all)}` : `All ${count(all)}`;
  const body =
    all === 0
      ? html`<p>None: every image was named rightly.</p>`
      : html`<p>${shown} wrongly named images, as the network sees them: first those to whose true class (orange) it gives
the least probability. A wrong label may be the reason.</p>
<ul class="wrong">${wrong.map(({ image, picture }) => wrongItem(image, picture, classNames))}</ul>`;
  return [{ id: 'wrong', name: 'The most wrong', body }];
}

function wrongItem(image: ImagePrediction, picture: string, classNames: readonly string[]): Html {
  const { label, prediction, probabilities, path } = image;
  const order = [...probabilities.keys()].sort((a, b) => probabilities[b]! - probabilities[a]!);
  const shown = [...new Set([...order.slice(0, 2), label])];
  const bar = (c: number) =>
    html`<span>${classNames[c]}</span><i${new Html(c === label ? ' class="true"' : '')} style="width:${(100 * probabilities[c]!).toFixed(1)}%"></i><span>${percent(probabilities[c]!, 1)}</span>`;
  return html`<li><img src="${picture}" alt="${imageText(image, classNames)}" width="80" height="80">
<p>taken for <b>${classNames[prediction]}</b>,<br>is <b>${classNames[label]}</b></p>
<div class="bars">${shown.map(bar)}</div>
<bdi class="file">${shortPath(path)}</bdi></li>`;
}

function footer(): Html {
  return html`<p>Intervals: percentile bootstrap over the images; another seed of training is not in them. An expression is
not an emotion: this says how well labels were matched, nothing of what people feel.</p>`;
}
