/** What the sections of a report are made of. */

import type { Page } from '../charts/svg_page.js';
import { Html, type HtmlPart, html } from './html.js';
import type { ImagePrediction } from './report.js';

/** A part of the page under a heading of its own. */
export interface Section {
  id: string;
  name: string;
  body: Html;
}

/** The drawings of a chart without its head, which the section has; they stand beside or below each other. */
export function figure({ panels, lines }: Page, alt: string, width = ''): Html {
  const drawings = panels.map(({ svg }, i) => {
    const role = i === 0 ? html`role="img" aria-label="${alt}"` : html`aria-hidden="true"`;
    return new Html(`<svg ${role.markup}${svg.slice('<svg'.length)}`);
  });
  return html`<figure><figcaption>${lines[0]}</figcaption><div class="panels ${width}"${new Html(width === '' ? '' : ' tabindex="0"')}>${drawings}</div></figure>`;
}

/** Rows of cells, the first of each its head, which scrolls where the page is narrow. */
export function table(
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

/** What is shown when it is asked for. */
export function details(summary: string, body: Html): Html {
  return html`<details><summary>${summary}</summary>${body}</details>`;
}

/** Such as `fear, taken for anger`. */
export function imageText(
  { label, prediction }: ImagePrediction,
  classNames: readonly string[],
): string {
  const truth = classNames[label]!;
  return label === prediction
    ? `${truth}, named rightly`
    : `${truth}, taken for ${classNames[prediction]}`;
}

/** Split, label and file. */
export function shortPath(path: string): string {
  return path.split(/[\\/]/).slice(-3).join('/');
}
