#!/usr/bin/env node
import { UserError } from '../node/user_error.js';
import { hyphenate } from './flags.js';
import { program } from './program.js';

// A reader that has seen enough, such as head, ends the printing and not the work.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
}

// Everything is caught here: an uncaught error would make the wasm backend print its own source.
program()
  .parseAsync(hyphenate(process.argv.slice(2)), { from: 'user' })
  .catch((error: unknown) => {
    const known = error instanceof UserError;
    console.error(`btn-layers: ${known ? error.message : unexpected(error)}`);
    process.exitCode = 1;
  });

function unexpected(error: unknown): string {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return `unexpected error, please report it\n${text}`;
}
