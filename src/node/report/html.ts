/** Markup, as against text, which must be escaped. */
export class Html {
  constructor(readonly markup: string) {}
}

export type HtmlPart = Html | string | number | undefined | readonly HtmlPart[];

/**
 * Markup with values in it: text is escaped, markup stays, lists are joined, undefined is nothing. A value
 * may stand in text or in an attribute between quotation marks, nowhere else.
 */
export function html(strings: TemplateStringsArray, ...values: HtmlPart[]): Html {
  return new Html(
    strings.map((text, i) => (i === 0 ? '' : markupOf(values[i - 1])) + text).join(''),
  );
}

function markupOf(value: HtmlPart): string {
  if (value === undefined) return '';
  if (value instanceof Html) return value.markup;
  if (Array.isArray(value)) return value.map(markupOf).join('');
  return escaped(String(value));
}

const escapes: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escaped(text: string): string {
  return visible(text).replaceAll(/[&<>"']/g, (character) => escapes[character]!);
}

/** Data for a script to read: JSON in which nothing can end the element. */
export function jsonScript(id: string, data: unknown): Html {
  const json = JSON.stringify(data).replaceAll('<', '\\u003c');
  return html`<script type="application/json" id="${id}">${new Html(json)}</script>`;
}

/**
 * Text with a mark in the place of each character that nobody sees: control characters, and those that
 * turn the direction of what follows, by which a file's name can pretend to be another.
 */
export function visible(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cs}\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, '\ufffd');
}
