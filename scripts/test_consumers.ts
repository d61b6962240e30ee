/**
 * Installs the packed package into fresh projects as a user would, with several versions of Node, module systems,
 * TypeScript's ways of resolution and bundlers, and runs one program in each. Prints a table; `--write` puts it into
 * docs/compatibility.md.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundlers, runWithoutNode, scriptIn } from '../test/support/bundlers.js';
import { consumerProgram, javascriptOf, problemOf, type Tensorflow } from './package/consumer.js';
import { exec, pack, root } from './package/project.js';

const folder = mkdtempSync(join(tmpdir(), 'btn-layers-consumers-'));
const nodeVersions = [20, 22, 24, 26];
const tfjs = ['tfjs-core', 'tfjs-layers'].map((name) => `@tensorflow/${name}@4.22.0`);
const flavours: Record<string, Tensorflow & { packages: string[] }> = {
  'tfjs-core + tfjs-layers': {
    core: '@tensorflow/tfjs-core',
    layers: '@tensorflow/tfjs-layers',
    packages: [...tfjs, '@tensorflow/tfjs-backend-cpu@4.22.0'],
  },
  '@tensorflow/tfjs': {
    core: '@tensorflow/tfjs',
    layers: '@tensorflow/tfjs',
    packages: ['@tensorflow/tfjs@4.22.0', '@tensorflow/tfjs-backend-cpu@4.22.0'],
  },
};
const print = 'main().then((result) => console.log(JSON.stringify(result)));';
/** Of each consumer, by flavour. */
const outcomes = new Map<string, string[]>();

async function install(name: string, packages: readonly string[]): Promise<string> {
  const project = join(folder, name.replaceAll(/\W+/g, '_'));
  mkdirSync(project);
  writeFileSync(join(project, 'package.json'), '{ "private": true, "type": "module" }');
  const flags = ['--no-audit', '--no-fund', '--prefer-offline', '--loglevel', 'error'];
  await exec('npm', ['install', ...flags, ...packages], { cwd: project });
  return project;
}

/** Adds an outcome to the row of a consumer. */
async function record(consumer: string, attempt: () => Promise<string>): Promise<void> {
  const outcome = await attempt().catch(reasonOf);
  outcomes.set(consumer, [...(outcomes.get(consumer) ?? []), outcome]);
  console.error(`${consumer}: ${outcome}`);
}

function reasonOf(error: unknown): string {
  const { stdout = '', stderr = '', message } = error as Record<string, string | undefined>;
  const lines = `${stdout}\n${stderr}\n${message}`.split('\n').map((line) => line.trim());
  return `FAILS: ${lines.find((line) => /error/i.test(line)) ?? lines.find(Boolean)}`;
}

function judged(result: unknown): string {
  const problem = problemOf(result);
  if (problem !== undefined) throw new Error(problem);
  return 'ok';
}

async function runIn(node: string, project: string, file: string): Promise<string> {
  const { stdout } = await exec(node, [file], { cwd: project });
  return judged(JSON.parse(stdout.trim().split('\n').at(-1)!));
}

async function runInNodes(project: string, flavour: Tensorflow, nodes: Record<string, string>) {
  for (const [format, file] of [
    ['esm', 'program.mjs'],
    ['cjs', 'program.cjs'],
  ] as const) {
    const program = await javascriptOf(consumerProgram(flavour, print), format);
    writeFileSync(join(project, file), program);
    for (const [version, node] of Object.entries(nodes)) {
      await record(`Node ${version}, ${format === 'esm' ? 'ES modules' : 'CommonJS'}`, () =>
        runIn(node, project, file),
      );
    }
  }
}

/** Compiles in strict mode, without a look at the types of other packages, and runs what comes of it. */
async function compile(project: string, flavour: Tensorflow): Promise<void> {
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  const strict = ['--strict', '--skipLibCheck', '--target', 'es2022'];
  for (const [resolution, module, sources] of [
    ['node16', 'node16', ['typed.mts', 'typed.cts']],
    ['nodenext', 'nodenext', ['typed.mts', 'typed.cts']],
    ['bundler', 'esnext', ['typed.ts']],
  ] as const) {
    await record(`TypeScript, ${resolution}`, async () => {
      for (const source of sources) {
        writeFileSync(join(project, source), consumerProgram(flavour, print));
      }
      const how = ['--module', module, '--moduleResolution', resolution, '--outDir', resolution];
      await exec(process.execPath, [tsc, ...strict, ...how, ...sources], { cwd: project });
      for (const source of sources) {
        await runIn(process.execPath, project, join(resolution, source.replace(/ts$/, 'js')));
      }
      return 'ok';
    });
  }
}

async function bundle(project: string, flavour: Tensorflow): Promise<void> {
  const entry = join(project, 'main.js');
  const program = consumerProgram(flavour, 'globalThis.result = main();');
  writeFileSync(entry, await javascriptOf(program, 'esm'));
  writeFileSync(join(project, 'index.html'), '<script type="module" src="./main.js"></script>');
  for (const [name, bundler] of Object.entries(bundlers)) {
    await record(name, async () => {
      const out = join(project, `dist_${name}`);
      await bundler(entry, out);
      return judged(await runWithoutNode(readFileSync(join(out, scriptIn(out)), 'utf8')));
    });
  }
}

/** A package manager that was told to ignore versions leaves two copies; the program must learn of them. */
async function meetTwoCopies(project: string, { core }: Tensorflow): Promise<void> {
  const nested = join(project, 'node_modules/btn-layers/node_modules/@tensorflow/tfjs-core');
  const { stdout } = await exec('npm', ['pack', '@tensorflow/tfjs-core@4.21.0', '--silent'], {
    cwd: project,
  });
  mkdirSync(nested, { recursive: true });
  await exec('tar', ['xzf', stdout.trim(), '-C', nested, '--strip-components', '1'], {
    cwd: project,
  });
  writeFileSync(
    join(project, 'twice.mjs'),
    `import '${core}';
    const { code, message } = await import('btn-layers').catch((error) => error);
    console.log(JSON.stringify({ code, message }));`,
  );
  await record('a second copy of tfjs-core', async () => {
    const { stdout: text } = await exec(process.execPath, ['twice.mjs'], { cwd: project });
    const { code, message } = JSON.parse(text.trim().split('\n').at(-1)!) as Record<string, string>;
    if (code !== 'TensorflowCopies') throw new Error(`no error of its own: ${message}`);
    return `error ${code}`;
  });
}

function table(): string {
  const line = (cells: string[]) => `| ${cells.join(' | ')} |`;
  return [
    line(['', ...Object.keys(flavours)]),
    line(['---', ...Object.keys(flavours).map(() => '---')]),
    ...[...outcomes].map(([consumer, each]) => line([consumer, ...each])),
  ].join('\n');
}

try {
  const { tarball } = await pack(folder);
  const nodes: Record<string, string> = {};
  for (const version of nodeVersions) {
    const project = await install(`node ${version}`, [`node@${version}`]);
    const node = join(project, 'node_modules/node/bin/node');
    const { stdout } = await exec(node, ['--version']);
    nodes[stdout.trim().slice(1)] = node;
  }
  for (const [name, flavour] of Object.entries(flavours)) {
    const project = await install(name, [tarball, ...flavour.packages]);
    await runInNodes(project, flavour, nodes);
    await compile(project, flavour);
    await bundle(project, flavour);
    await meetTwoCopies(project, flavour);
  }
} finally {
  rmSync(folder, { recursive: true });
}
console.log(table());
if (process.argv.includes('--write')) {
  const path = join(root, 'docs/compatibility.md');
  const page = readFileSync(path, 'utf8');
  writeFileSync(
    path,
    page.replace(/(<!-- consumers -->\n)[\s\S]*?(<!-- end -->)/, `$1\n${table()}\n\n$2`),
  );
}
process.exitCode = [...outcomes.values()].flat().some((each) => each.startsWith('FAILS')) ? 1 : 0;
