/** What is used of it: the package has no types. */
declare module '@cornerstonejs/codec-libjpeg-turbo-8bit/decodewasmjs' {
  /** Decodes one file after another. Its methods throw on any error or warning of libjpeg-turbo. */
  interface JpegDecoder {
    /** Room in the wasm heap for a file. */
    getEncodedBuffer(bytes: number): Uint8Array;
    readHeader(): void;
    getFrameInfo(): { width: number; height: number; componentCount: number };
    decode(): void;
    /** A view of the wasm heap: RGB, or grey where there is one component. */
    getDecodedBuffer(): Uint8Array;
  }

  export default function libjpegTurbo(): Promise<{ JPEGDecoder: new () => JpegDecoder }>;
}
