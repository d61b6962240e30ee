/**
 * Writes the reference of the docs site, docs/reference, from the docstrings in src: a page for each entry point of the package.
 *
 *     npx tsx scripts/build_reference.ts
 */
import { join } from 'node:path';
import {
  Application,
  type Comment,
  Converter,
  type DeclarationReflection,
  type ProjectReflection,
  ReflectionKind,
} from 'typedoc';
import type { PluginOptions } from 'typedoc-plugin-markdown';
import { entryPoints, manifest, root } from './package/project.js';

const sources = entryPoints.map(({ module }) => join('src', `${module}.ts`));

const markdown: Partial<PluginOptions> = {
  entryFileName: 'index',
  fileExtension: '.md',
  hidePageHeader: true,
  hideBreadcrumbs: true,
  useCodeBlocks: true,
  expandObjects: true,
  parametersFormat: 'table',
  interfacePropertiesFormat: 'table',
  typeAliasPropertiesFormat: 'table',
  enumMembersFormat: 'table',
};

const app = await Application.bootstrapWithPlugins({
  entryPoints: sources,
  plugin: ['typedoc-plugin-markdown'],
  ...markdown,
  router: 'module',
  tsconfig: `${root}/tsconfig.json`,
  out: `${root}/docs/reference`,
  name: 'Reference',
  readme: 'none',
  // What a layer inherits from TensorFlow.js is documented there.
  excludeExternals: true,
  excludePrivate: true,
  excludeInternal: true,
  disableSources: true,
  // `npm run check` does that.
  skipErrorChecking: true,
  validation: { notExported: false, invalidLink: true, notDocumented: false },
  treatWarningsAsErrors: true,
});

// Before TypeDoc gives members without a docstring that of what they override.
const early = 10_000;
app.converter.on(
  Converter.EVENT_RESOLVE_BEGIN,
  ({ project }) => {
    for (const module of project.getReflectionsByKind(ReflectionKind.Module)) {
      module.name = module.name === 'index' ? manifest.name : `${manifest.name}/${module.name}`;
    }
    for (const member of protocol(project)) project.removeReflection(member);
    for (const { comment } of Object.values(project.reflections)) {
      if (comment) endExamples(comment);
    }
  },
  early,
);

// Which member of which base class one stands for is of no use to a reader.
app.converter.on(Converter.EVENT_RESOLVE_END, ({ project }) => {
  const members = project.getReflectionsByKind(ReflectionKind.All) as DeclarationReflection[];
  for (const member of members) {
    delete member.overwrites;
    delete member.inheritedFrom;
  }
});

/** Members of classes that are said elsewhere: what all layers of TensorFlow.js have, what a base class documents. */
function protocol(project: ProjectReflection): DeclarationReflection[] {
  const classes = project.getReflectionsByKind(ReflectionKind.Class) as DeclarationReflection[];
  return classes
    .flatMap(({ children }) => children ?? [])
    .filter(
      (member) => member.flags.isInherited || !(isConstructor(member) || isDocumented(member)),
    );
}

function isConstructor({ kind }: DeclarationReflection): boolean {
  return kind === ReflectionKind.Constructor;
}

function isDocumented({ comment, signatures = [] }: DeclarationReflection): boolean {
  return [comment, ...signatures.map((signature) => signature.comment)].some(
    (each) => each && !each.sourcePath?.includes('node_modules'),
  );
}

/** Our docstrings end with the source and provenance, which TypeDoc takes for a part of the example before them. */
function endExamples(comment: Comment): void {
  for (const { tag, content } of comment.blockTags) {
    const last = content.at(-1);
    if (tag !== '@example' || !last) continue;
    const [, code, rest] =
      last.text.match(/^([\s\S]*?)\n+((?:Source|Provenance):[\s\S]*?)\n```$/) ?? [];
    if (!code || !rest) continue;
    last.text = `${code}\n\`\`\``;
    comment.summary.push({ kind: 'text', text: `\n\n${rest}` });
  }
}

const project = await app.convert();
if (!project) throw new Error('the sources could not be read');
await app.generateOutputs(project);
if (app.logger.hasErrors() || app.logger.hasWarnings()) process.exitCode = 1;
