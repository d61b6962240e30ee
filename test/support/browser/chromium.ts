/** The browsers that the tests run in: Chromium, started for one backend each. */
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** `wasm-threads` is wasm on a page that is cross-origin isolated, where it has threads. */
export const testedBrowsers = ['wasm', 'wasm-threads', 'webgl', 'webgpu'] as const;

export type TestedBrowser = (typeof testedBrowsers)[number];

/** What a page must say to have shared memory, without which wasm has one thread. */
export const isolationHeaders = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
};

/** For machines without a GPU: SwiftShader, which comes with Chromium, draws and computes. */
const softwareGl = ['--use-angle=swiftshader', '--enable-unsafe-swiftshader'];

/**
 * The compositor is on Vulkan too: elsewhere a canvas that WebGPU fills reads as zeros, and through a canvas
 * tfjs-backend-webgpu reads at once.
 */
const softwareWebGpu = [
  ...softwareGl,
  '--enable-unsafe-webgpu',
  '--enable-gpu',
  '--ignore-gpu-blocklist',
  '--enable-features=Vulkan',
  '--use-vulkan=swiftshader',
];

const argumentsOf: Record<TestedBrowser, string[]> = {
  wasm: [],
  'wasm-threads': [],
  webgl: softwareGl,
  webgpu: softwareWebGpu,
};

/** How Playwright starts it. A container's root has no sandbox. */
export function launchOptions(
  browser: TestedBrowser,
  executablePath: string | undefined,
): { executablePath: string | undefined; args: string[] } {
  return { executablePath, args: ['--no-sandbox', ...argumentsOf[browser]] };
}

/** The path of a Chromium: what CHROMIUM names, or the first on the PATH. */
export function findChromium(): string | undefined {
  if (process.env.CHROMIUM) return process.env.CHROMIUM;
  const names = ['chromium', 'chromium-browser', 'google-chrome'];
  const folders = (process.env.PATH ?? '').split(delimiter);
  return names.flatMap((name) => folders.map((folder) => join(folder, name))).find(isProgram);
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

export const howToGetChromium =
  'no Chromium was found: scripts/install_chromium.sh installs one on Debian and Ubuntu, or set CHROMIUM to its path';
