/** Aborts on the first Ctrl-C, after which work ends in order; the second quits at once. */
export function interruptSignal(): AbortSignal {
  const controller = new AbortController();
  const stop = () => {
    if (controller.signal.aborted) process.exit(130);
    console.error(
      '\nstopping after this step with a checkpoint; press Ctrl-C again to quit at once',
    );
    controller.abort();
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  return controller.signal;
}
