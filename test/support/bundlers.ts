/** Programs as bundlers make them of a user's, without any configuration but where to begin and where to write. */
import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createContext, runInContext } from 'node:vm';
import * as esbuild from 'esbuild';
import * as vite from 'vite';
import webpack from 'webpack';

/**
 * Bundles `main.js` of a folder, which Vite finds through the `index.html` beside it.
 *
 * @param external Leaves imports of TensorFlow.js as they are, which makes an ES module. Default false.
 * @returns What it complained of.
 */
type Bundler = (entry: string, folder: string, external?: boolean) => Promise<string[]>;

export const bundlers: Record<string, Bundler> = {
  async esbuild(entry, folder, external = false) {
    const outfile = join(folder, 'bundle.js');
    const { warnings } = await esbuild.build({
      entryPoints: [entry],
      bundle: true,
      outfile,
      ...(external && { external: ['@tensorflow/*'], format: 'esm' }),
    });
    return warnings.map(({ text }) => text);
  },

  async vite(entry, folder, external = false) {
    const warnings: string[] = [];
    const customLogger = {
      ...vite.createLogger('silent'),
      warn: (text: string) => warnings.push(text),
    };
    await vite.build({
      root: dirname(entry),
      configFile: false,
      build: {
        outDir: folder,
        ...(external && { rollupOptions: { external: /^@tensorflow/ }, modulePreload: false }),
      },
      customLogger: customLogger as unknown as vite.Logger,
    });
    return warnings;
  },

  async webpack(entry, folder, external = false) {
    const options: webpack.Configuration = {
      entry,
      context: dirname(entry),
      mode: 'production',
      ...(external && {
        externals: /^@tensorflow/,
        externalsType: 'module',
        experiments: { outputModule: true },
      }),
    };
    const output = { path: folder, filename: 'bundle.js', module: external };
    const stats = await new Promise<webpack.Stats | undefined>((resolve, reject) => {
      webpack({ ...options, output }, (error, found) => (error ? reject(error) : resolve(found)));
    });
    const { errors = [], warnings = [] } = stats!.toJson({ errors: true, warnings: true });
    return [...errors, ...warnings].map(({ message, moduleName }) => `${moduleName}: ${message}`);
  },
};

/** The one script that a bundler wrote into a folder. */
export function scriptIn(folder: string): string {
  const files = readdirSync(folder, { recursive: true }) as string[];
  const scripts = files.filter((file) => file.endsWith('.js'));
  if (scripts.length !== 1) throw new Error(`${folder} holds ${scripts.length} scripts`);
  return scripts[0]!;
}

/** Of the page's, Vite's scripts ask whether links can preload. */
const document = { createElement: () => ({ relList: { supports: () => true } }) };

/** What a script sets `result` to, in a world with what browsers have, and without Node. */
export function runWithoutNode(code: string): Promise<unknown> {
  const has = {
    console,
    performance,
    setTimeout,
    clearTimeout,
    TextEncoder,
    TextDecoder,
    atob,
    structuredClone,
    WebAssembly,
  };
  const world: Record<string, unknown> = createContext({ ...has, document });
  world.window = world;
  world.self = world;
  runInContext(code, world as object);
  return world.result as Promise<unknown>;
}
