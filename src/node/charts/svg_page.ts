import type { PlotOptions } from '@observablehq/plot';

export type PlotLibrary = typeof import('@observablehq/plot');

/** A drawing and where it goes: y counts from the end of the header. */
interface Panel {
  svg: string;
  x: number;
  y: number;
}

/** An SVG document: a title, lines of text below it, then drawings. */
export interface Page {
  width: number;
  height: number;
  title: string;
  lines: readonly string[];
  panels: readonly Panel[];
}

export const ink = '#1f2937';
export const muted = '#6b7280';
export const hairline = '#e5e7eb';
/** Named families first: renderers such as librsvg do not know `system-ui`. */
const fontFamily = "Inter, 'Helvetica Neue', Helvetica, Arial, 'DejaVu Sans', sans-serif";
export const pagePadding = 24;
const headerHeight = 58;
const lineHeight = 18;
/** A generous mean at 12 pixels, since what font will be there is not known. */
export const characterWidth = 7.2;

/**
 * Runs Plot without a browser.
 *
 * It is loaded on demand: that takes a while, not every run draws, and a CommonJS program cannot
 * `require` it on every version of Node.
 */
export async function draw(optionsOf: (Plot: PlotLibrary) => PlotOptions): Promise<string> {
  const [Plot, { parseHTML }] = await Promise.all([
    import('@observablehq/plot'),
    import('linkedom'),
  ]);
  const { document } = parseHTML('<!doctype html><html><body></body></html>');
  const svg = Plot.plot({ ...optionsOf(Plot), document: document as unknown as Document });
  // Plot's style sheet is made for web pages; converters trip over it.
  svg.querySelector('style')?.remove();
  for (const name of ['class', 'font-family', 'fill']) svg.removeAttribute(name);
  return svg.outerHTML.replaceAll('currentColor', ink);
}

export function page({ width: panelWidth, height, title, lines, panels }: Page): string {
  const textWidth = Math.max(title.length * 12, ...lines.map(({ length }) => length * 8));
  const width = Math.max(panelWidth, textWidth + 2 * pagePadding);
  const top = headerHeight + lines.length * lineHeight;
  const full = top + height + pagePadding / 2;
  const inner = panels.map(
    ({ svg, x, y }) => `<svg x="${x}" y="${top + y}"${svg.slice('<svg'.length)}`,
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${full}" ` +
      `viewBox="0 0 ${width} ${full}" font-family="${fontFamily}" fill="${ink}" role="img">`,
    `<title>${escapeXml(title)}</title>`,
    `<rect width="${width}" height="${full}" fill="white"/>`,
    `<text x="${pagePadding}" y="42" font-size="20" font-weight="700">${escapeXml(title)}</text>`,
    ...lines.map(
      (line, i) =>
        `<text x="${pagePadding}" y="${headerHeight + 8 + i * lineHeight}" font-size="13" ` +
        `fill="${i === 0 ? ink : muted}">${escapeXml(line)}</text>`,
    ),
    ...inner,
    '</svg>\n',
  ].join('\n');
}

const xmlEscapes: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
};

/** Also drops control characters, which XML cannot hold. */
function escapeXml(text: string): string {
  return [...text]
    .filter((character) => character >= ' ')
    .map((character) => xmlEscapes[character] ?? character)
    .join('');
}
