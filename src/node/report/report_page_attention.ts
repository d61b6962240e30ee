/** The section of a report on the attention within a batch. */
import { percent } from '../format.js';
import { Html, html, jsonScript } from './html.js';
import type { ImagePrediction } from './report.js';
import type { ReportImages } from './report_images.js';
import { details, imageText, type Section, shortPath, table } from './report_page_parts.js';

/** Who looks at whom in a batch, for each class; nothing of a network that mixes no batch. */
export function attentionSection(
  batch: ReportImages['batch'],
  classNames: readonly string[],
): Section[] {
  if (!batch) return [];
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
