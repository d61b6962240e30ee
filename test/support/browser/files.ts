/** What the tests use of node:fs, in a browser: files of the repository, which the page's server has. */

export function readFileSync(path: URL | string, encoding?: 'utf8'): Uint8Array | string {
  const request = new XMLHttpRequest();
  request.open('GET', path, false);
  // One character for each byte: a request that does not return before its answer gives only text.
  request.overrideMimeType('text/plain; charset=x-user-defined');
  request.send();
  if (request.status !== 200) throw new Error(`${path}: ${request.status} ${request.statusText}`);
  const bytes = Uint8Array.from(request.responseText, (c) => c.charCodeAt(0) & 0xff);
  return encoding ? new TextDecoder(encoding).decode(bytes) : bytes;
}

/** Tables of errors are written in Node alone. */
export function appendFileSync(): never {
  throw new Error('a browser writes no files');
}
