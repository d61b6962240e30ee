import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { SiteConfig } from 'vitepress';

/** Stands for wherever the site will be. */
const site = 'https://site.invalid';

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
      .filter((href) => {
        const { origin, pathname, hash } = new URL(href, `${site}${from}`);
        const page = html.get(pathname.endsWith('/') ? `${pathname}index.html` : pathname);
        if (origin !== site || page === undefined || hash === '') return false;
        return !valuesOf(page, 'id').includes(decodeURIComponent(hash.slice(1)));
      })
      .map((href) => `${from}: ${href}`),
  );
  if (dead.length > 0) throw new Error(`no such heading:\n${dead.join('\n')}`);
}

function valuesOf(html: string, attribute: string): string[] {
  return [...html.matchAll(new RegExp(` ${attribute}="([^"]*)"`, 'g'))].map((match) => match[1]!);
}
