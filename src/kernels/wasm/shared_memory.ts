/** The import section of the kernels: `env.memory`, by itself with 0 pages at least and no limit. */
const imports = (limits: readonly number[]) => {
  const name = (text: string) => [text.length, ...new TextEncoder().encode(text)];
  const [memory, one] = [2, 1];
  const content = [one, ...name('env'), ...name('memory'), memory, ...limits];
  return [2, content.length, ...content];
};

const ofOneThread = imports([0, 0]);
/** Of up to 65,536 pages, which are 4 GiB. */
const ofThreads = imports([3, 0, 0x80, 0x80, 4]);

/**
 * The same WebAssembly for a memory that threads share: nothing differs but how the memory is
 * imported. `scripts/build_assembly.ts` holds it to what the compiler makes for threads.
 */
export function withSharedMemory(binary: Uint8Array): Uint8Array<ArrayBuffer> {
  const at = binary.findIndex((_, i) => ofOneThread.every((byte, k) => binary[i + k] === byte));
  return Uint8Array.of(
    ...binary.subarray(0, at),
    ...ofThreads,
    ...binary.subarray(at + ofOneThread.length),
  );
}
