import { existsSync } from 'node:fs';
import { dirname, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defineConfig, type MarkdownRenderer } from 'vitepress';
import { checkAnchors } from './check_anchors';

const root = fileURLToPath(new URL('../..', import.meta.url));
const docs = resolve(root, 'docs');
/** The repository's address, which only a workflow on GitHub knows. */
const repository =
  process.env.GITHUB_REPOSITORY && `https://github.com/${process.env.GITHUB_REPOSITORY}`;
/** Files below docs that are no pages: signatures, and tables that a page quotes. */
const noPages = ['api', 'ablation'];

/** Three images of a batch, each looking at the others. */
const icon = `data:image/svg+xml,${encodeURIComponent(
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32" fill="#3451b2" stroke="#3451b2" stroke-width="2">' +
    '<path d="M16 7 6 24h20z" fill="none"/><circle cx="16" cy="7" r="4"/><circle cx="6" cy="24" r="4"/>' +
    '<circle cx="26" cy="24" r="4"/></svg>',
)}`;

const guides = [
  { text: 'Stacking layers', link: '/stacking_layers' },
  { text: 'Training', link: '/training' },
  { text: 'Large batches', link: '/large_batches' },
  { text: 'Evaluation and robustness', link: '/evaluation' },
  { text: 'Coming from PyTorch', link: '/coming_from_pytorch' },
  { text: 'In the browser', link: '/browser' },
  { text: 'Illustrated faces', link: '/illustrated_faces' },
];
const backends = [
  { text: 'Backends', link: '/backends' },
  { text: 'Training on wasm', link: '/wasm_training' },
  { text: 'tfjs-node', link: '/tfjs_node' },
  { text: 'Writing a kernel', link: '/writing_a_kernel' },
];
const about = [
  { text: 'Features, compared', link: '/features' },
  { text: 'Does the idea hold?', link: '/ablation' },
  { text: 'Compatibility', link: '/compatibility' },
  { text: 'Errors', link: '/errors' },
  { text: 'Testing', link: '/testing' },
  { text: 'Limitations and provenance', link: '/limitations' },
];
const reference = ['', '/models', '/training', '/node', '/weights', '/testing'].map((entry) => ({
  text: `btn-layers${entry}`,
  link: `/reference/btn-layers${entry}`,
}));

export default defineConfig({
  title: 'btn-layers',
  description: 'The Batch Transformer Network for TensorFlow.js',
  // Where the site lies on its server: GitHub Pages serves it from /REPOSITORY/.
  base: process.env.DOCS_BASE ?? '/',
  lang: 'en',
  head: [['link', { rel: 'icon', type: 'image/svg+xml', href: icon }]],
  srcExclude: noPages.map((folder) => `${folder}/**`),
  themeConfig: {
    nav: [
      { text: 'Start', link: '/start' },
      { text: 'Concepts', link: '/concepts' },
      { text: 'Guides', items: guides },
      { text: 'Reference', link: '/reference/' },
    ],
    sidebar: [
      {
        text: 'Begin',
        items: [
          { text: 'In five minutes', link: '/start' },
          { text: 'Concepts', link: '/concepts' },
        ],
      },
      { text: 'Guides', items: guides },
      { text: 'Backends and speed', items: backends },
      { text: 'What to expect', items: about },
      { text: 'Reference', items: reference },
    ],
    outline: [2, 3],
    search: { provider: 'local' },
  },
  markdown: {
    anchor: { slugify },
    config(markdown) {
      linkSources(markdown);
      showIndentedCode(markdown);
    },
  },
  buildEnd: checkAnchors,
});

/** As GitHub makes anchors of headings, so that links hold in both places. */
function slugify(heading: string): string {
  return heading
    .trim()
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
    .replaceAll(/\s/g, '-');
}

/** Indented code looks like fenced code. */
function showIndentedCode({ renderer: { rules } }: MarkdownRenderer): void {
  rules.code_block = (tokens, i, ...rest) => {
    tokens[i]!.info = 'text';
    return rules.fence!(tokens, i, ...rest);
  };
}

/**
 * Links to files of the repository that are no pages lead to the repository, where it is known, and are plain text elsewhere. One
 * to a file that is not there fails the build.
 */
function linkSources(markdown: MarkdownRenderer): void {
  markdown.core.ruler.push('link_sources', ({ tokens, env }) => {
    for (const token of tokens.flatMap(({ children }) => children ?? [])) {
      const href = token.attrGet('href');
      if (token.type !== 'link_open' || !href || /^([a-z]+:|[#/])/.test(href)) continue;
      const [path, anchor = ''] = href.split(/(?=#)/) as [string, string?];
      const file = resolve(dirname(env.path), path);
      if (isPage(file)) continue;
      if (!existsSync(file)) throw new Error(`${env.path}: ${href} is not there`);
      const address = `${repository}/blob/main/${relative(root, file)}${anchor}`;
      token.attrs = repository ? [['href', address]] : [];
    }
  });
}

function isPage(file: string): boolean {
  const [folder] = relative(docs, file).split(sep) as [string];
  return folder !== '..' && !noPages.includes(folder) && file.endsWith('.md');
}
