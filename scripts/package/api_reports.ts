/** The public names of every entry point with their types, as docs/api/*.api.md has them. */
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Extractor, ExtractorConfig, type ExtractorMessage } from '@microsoft/api-extractor';
import { entryPoints, root } from './project.js';

const folder = join(root, 'docs', 'api');

export interface ApiReport {
  file: string;
  changed: boolean;
  /** Public names without a docstring. */
  undocumented: string[];
  /** Types that public names use and no entry point exports. */
  unexported: string[];
}

/**
 * Compares the types in dist/ with the reports.
 *
 * @param temporary A folder for the reports as they would be.
 * @param update Write them to docs/api instead of comparing.
 */
export function apiReports(temporary: string, update: boolean): ApiReport[] {
  mkdirSync(folder, { recursive: true });
  const reports = entryPoints.map(({ module }) => extract(module, temporary, update));
  const exported = new Set(reports.flatMap(({ names }) => names));
  return reports.map(({ used, file, changed, undocumented }) => {
    const unexported = used.filter((name) => !exported.has(name));
    return { file, changed, undocumented, unexported };
  });
}

function extract(module: string, temporary: string, update: boolean) {
  const file = `${module.replace('/index', '')}.api.md`;
  const used: string[] = [];
  const { apiReportChanged } = Extractor.invoke(configOf(module, file, temporary), {
    localBuild: update,
    messageCallback(message) {
      if (message.messageId === 'ae-forgotten-export') used.push(nameIn(message));
      else if (message.logLevel === 'error') throw new Error(message.text);
      message.handled = true;
    },
  });
  const text = readFileSync(join(temporary, file), 'utf8');
  const names = [...text.matchAll(/^export (?:abstract )?\w+ (\w+)/gm)].map(([, name]) => name!);
  const bare = text.matchAll(/^\/\/ @public \(undocumented\)\nexport (?:abstract )?\w+ (\w+)/gm);
  const undocumented = [...bare].map(([, name]) => name!);
  return { file: `docs/api/${file}`, changed: apiReportChanged, used, names, undocumented };
}

function nameIn({ text }: ExtractorMessage): string {
  return /"(\w+)"/.exec(text)![1]!;
}

function configOf(module: string, file: string, temporary: string): ExtractorConfig {
  return ExtractorConfig.prepare({
    configObjectFullPath: undefined,
    packageJsonFullPath: join(root, 'package.json'),
    configObject: {
      projectFolder: root,
      mainEntryPointFilePath: join(root, 'dist', `${module}.d.ts`),
      compiler: {
        overrideTsconfig: {
          compilerOptions: {
            target: 'ES2022',
            lib: ['ES2022', 'DOM'],
            module: 'NodeNext',
            strict: true,
            skipLibCheck: true,
            types: ['node'],
          },
        },
      },
      apiReport: {
        enabled: true,
        reportFileName: file,
        reportFolder: folder,
        reportTempFolder: temporary,
      },
      docModel: { enabled: false },
      dtsRollup: { enabled: false },
      tsdocMetadata: { enabled: false },
      messages: {
        extractorMessageReporting: {
          default: { logLevel: 'none' as never },
          'ae-forgotten-export': { logLevel: 'warning' as never },
        },
        compilerMessageReporting: { default: { logLevel: 'error' as never } },
        tsdocMessageReporting: { default: { logLevel: 'none' as never } },
      },
    },
  });
}
