/** What assembly/ compiles to. @returns WebAssembly. */
export function decodeBinary(base64: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}
