import { createHash } from 'node:crypto';
import type { BatchAccuracy } from './batch_accuracy.js';
import type { BatchAttention } from './batch_attention.js';
import { calibrationPage } from './calibration_svg.js';
import { classBarsPage } from './class_bars_svg.js';
import { confusionMatrixPage } from './confusion_matrix_svg.js';
import { curvesPage } from './curves_svg.js';
import { count, percent } from './format.js';
import { Html, type HtmlPart, html, jsonScript } from './html.js';
import { type FullEvaluation, type ImagePrediction, intervalText } from './report.js';
import { reportScript } from './report_page_script.js';
import { reportStyle } from './report_page_style.js';
import { robustnessPage } from './robustness_svg.js';
import type { EpochLog } from './run_folder.js';
import type { Page } from './svg_page.js';

/** What a report shows of images; pictures are `data:` addresses. */
export interface ReportImages {
  /** Named wrongly, the worst first; not all where they are many. */
  wrong: { image: ImagePrediction; picture: string }[];
  /** Of a Batch Transformer Network: some images that share a batch. */
  batch?: { attention: BatchAttention; images: ImagePrediction[]; pictures: string[] };
}

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
    ...attentionSection(page),
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

interface Section {
  id: string;
  name: string;
  body: Html;
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

/** Such as `fear, taken for anger`. */
function imageText({ label, prediction }: ImagePrediction, classNames: readonly string[]): string {
  const truth = classNames[label]!;
  return label === prediction
    ? `${truth}, named rightly`
    : `${truth}, taken for ${classNames[prediction]}`;
}

/** Split, label and file. */
function shortPath(path: string): string {
  return path.split(/[\\/]/).slice(-3).join('/');
}

function attentionSection({ result, images: { batch } }: ReportPage): Section[] {
  if (!batch) return [];
  const { classNames } = result;
  const { attention, images, pictures } = batch;
  const weights = attention.weights.map((ofClass) =>
    ofClass.map((row) => row.map((weight) => Number(weight.toFixed(4)))),
  );
  const shown = mostMixing(weights);
  const logits = (rows: number[][]) => rows.map((row) => row.map((v) => Number(v.toFixed(3))));
  const data = {
    classNames,
    images: images.map((image) => ({
      said: imageText(image, classNames),
      missed: image.label !== image.prediction,
    })),
    weights,
    vit: logits(attention.vit),
    cba: logits(attention.cba),
  };
  const body = html`<p>In class batch attention the images of a batch look at each other, for each class anew: a
row says from which images (columns) the image at its left takes its logit of the class, in percent. These are the
weights that the network's own layer gives to these ${images.length} images, which were chosen for this: of each class
the most wrong (dashed) and the most sure.</p>
<div class="attention">
<div>
<p><label for="attention-class">Attention for the class</label> <select id="attention-class">${classNames.map(
    (name, c) =>
      html`<option value="${c}"${new Html(c === shown ? ' selected' : '')}>${name}</option>`,
  )}</select></p>
${heatTable(weights[shown]!, images, pictures, classNames, shown)}
<p class="scale"><span>0%</span><i></i><span id="attention-most">${percent(greatest(weights[shown]!), 1)}</span>
<span>(colour by square root); spread evenly: ${percent(1 / images.length, 1)} each</span></p>
</div>
<div>
<noscript><p>With scripts turned on, other classes can be chosen and rows looked at one by one.</p></noscript>
<div id="attention-live" aria-live="polite" hidden><h3 id="attention-image"></h3>
<p>looks, for <b class="attention-name">${classNames[shown]}</b>, at</p>
<ul class="shares" id="attention-shares"></ul>
<p class="quiet" id="attention-logits"></p></div>
</div>
</div>
${withinTable(attention.weights, images, classNames)}
${details('The images of the batch', imageList(images, classNames))}
${jsonScript('attention-data', data)}`;
  return [{ id: 'attention', name: 'Who looks at whom in a batch', body }];
}

/** The class for which images look least at themselves. */
function mostMixing(weights: readonly (readonly (readonly number[])[])[]): number {
  const toItself = weights.map((ofClass) => sum(ofClass.map((row, i) => row[i]!)));
  return toItself.indexOf(Math.min(...toItself));
}

function heatTable(
  weights: readonly (readonly number[])[],
  images: readonly ImagePrediction[],
  pictures: readonly string[],
  classNames: readonly string[],
  shown: number,
): Html {
  const most = greatest(weights);
  const missed = (i: number) => (images[i]!.label === images[i]!.prediction ? '' : 'missed');
  const picture = (i: number) =>
    html`<img src="${pictures[i]}" alt="image ${i + 1}: ${imageText(images[i]!, classNames)}">`;
  const cell = (weight: number) => {
    const part = Math.sqrt(weight / most);
    const kind = part > 0.6 ? 'strong' : weight < 0.005 ? 'none' : '';
    return html`<td class="${kind}" style="--w:${part.toFixed(3)}">${Math.round(100 * weight)}</td>`;
  };
  return html`<table class="heat"><caption>Who (rows) looks at whom (columns) for <span class="attention-name">${classNames[shown]}</span>, in percent</caption>
<thead><tr><td></td>${images.map((_, j) => html`<th scope="col" class="${missed(j)}">${picture(j)}</th>`)}</tr></thead>
<tbody>${weights.map(
    (
      row,
      i,
    ) => html`<tr><th scope="row" class="${missed(i)}"><button type="button">${picture(i)}</button></th>${row.map(cell)}</tr>
`,
  )}</tbody></table>`;
}

/** Of the attention of a class's images, the part that goes to images of the same class. */
function withinTable(
  weights: readonly (readonly (readonly number[])[])[],
  images: readonly ImagePrediction[],
  classNames: readonly string[],
): Html {
  const rows = classNames.map((name, c) => {
    const members = images.flatMap(({ label }, i) => (label === c ? [i] : []));
    const given = members.map((i) => sum(members.map((j) => weights[c]![i]![j]!)));
    return [
      name,
      members.length,
      percent(members.length > 0 ? sum(given) / members.length : null, 1),
      percent(members.length / images.length, 1),
    ];
  });
  const head = [
    'class',
    'images of it in the batch',
    'attention they give each other',
    'spread evenly',
  ];
  return table(
    head,
    rows,
    'For a class, how much of their attention its images give to images of it, themselves included',
  );
}

function imageList(images: readonly ImagePrediction[], classNames: readonly string[]): Html {
  return table(
    ['image', 'true', 'predicted', 'probability of the true class', 'file'],
    images.map(({ label, prediction, probabilities, path }, i) => [
      i + 1,
      classNames[label]!,
      classNames[prediction]!,
      percent(probabilities[label]!, 1),
      html`<bdi>${shortPath(path)}</bdi>`,
    ]),
  );
}

function greatest(weights: readonly (readonly number[])[]): number {
  return Math.max(...weights.flat());
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** The drawings of a chart without its head, which the section has; they stand beside or below each other. */
function figure({ panels, lines }: Page, alt: string, width = ''): Html {
  const drawings = panels.map(({ svg }, i) => {
    const role = i === 0 ? html`role="img" aria-label="${alt}"` : html`aria-hidden="true"`;
    return new Html(`<svg ${role.markup}${svg.slice('<svg'.length)}`);
  });
  return html`<figure><figcaption>${lines[0]}</figcaption><div class="panels ${width}"${new Html(width === '' ? '' : ' tabindex="0"')}>${drawings}</div></figure>`;
}

function table(
  head: readonly string[],
  rows: readonly (readonly HtmlPart[])[],
  caption?: string,
): Html {
  return html`<div class="scroll" tabindex="0"><table>${caption && html`<caption>${caption}</caption>`}<thead><tr>${head.map((name) => html`<th scope="col">${name}</th>`)}</tr></thead>
<tbody>${rows.map(
    ([
      name,
      ...values
    ]) => html`<tr><th scope="row">${name}</th>${values.map((value) => html`<td>${value}</td>`)}</tr>
`,
  )}</tbody></table></div>`;
}

function details(summary: string, body: Html): Html {
  return html`<details><summary>${summary}</summary>${body}</details>`;
}

function footer(): Html {
  return html`<p>Intervals: percentile bootstrap over the images; another seed of training is not in them. An expression is
not an emotion: this says how well labels were matched, nothing of what people feel.</p>`;
}
