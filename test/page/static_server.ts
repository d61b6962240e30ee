import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize } from 'node:path';

const types: Record<string, string> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
  '.wasm': 'application/wasm',
  '.webp': 'image/webp',
};

/** Serves the files of a folder as any static host does, below `/some/place/`. */
export async function serveFolder(
  folder: string,
  headers: Record<string, string> = {},
): Promise<{ url: string; close(): void }> {
  const root = '/some/place/';
  const server = createServer(async ({ url = '' }, response) => {
    const path = normalize(new URL(url, 'http://localhost').pathname);
    const name = path === root ? 'index.html' : path.slice(root.length);
    const bytes = await readFile(join(folder, name)).catch(() => undefined);
    const found = path.startsWith(root) ? bytes : undefined;
    response.writeHead(found ? 200 : 404, {
      ...headers,
      'Content-Type': types[extname(name)] ?? 'application/octet-stream',
    });
    response.end(found);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}${root}`, close: () => server.close() };
}
