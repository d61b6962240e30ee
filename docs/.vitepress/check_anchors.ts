import { readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import type { SiteConfig } from 'vitepress';

/** VitePress finds links to pages that are not there; this finds those to headings that are not there. */
export function checkAnchors({ outDir, site: { base } }: SiteConfig): void {
  const files = readdirSync(outDir, { recursive: true, encoding: 'utf8' });
  const pages = files.filter((file) => file.endsWith('.html'));
  const html = new Map(
    pages.map((page) => [
      base + page.replaceAll('\\', '/'),
      readFileSync(join(outDir, page), 'utf8'),
    ]),
  );
  const dead = [...html].flatMap(([from, text]) =>
    valuesOf(text, 'href')
      .filter((href) => href.includes('#'))
      .filter((href) => {
        const [path, anchor] = decodeURIComponent(href).split('#') as [string, string];
        const page = path === '' ? from : posix.join(path, path.endsWith('/') ? 'index.html' : '');
        const target = html.get(page);
        return target !== undefined && !valuesOf(target, 'id').includes(anchor);
      })
      .map((href) => `${from}: ${href}`),
  );
  if (dead.length > 0) throw new Error(`no such heading:\n${dead.join('\n')}`);
}

function valuesOf(html: string, attribute: string): string[] {
  return [...html.matchAll(new RegExp(` ${attribute}="([^"]*)"`, 'g'))].map((match) => match[1]!);
}
