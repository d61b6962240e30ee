/** Compiled from assembly/ by scripts/build_assembly.ts: WebAssembly in base64. Do not edit. */
export const normaliseBinary =
  'AGFzbQEAAAABCAFgBH9/f38AAg8BA2VudgZtZW1vcnkCAAADAgEABw0BCW5vcm1hbGlzZQAACnQBcgECfyACQYAIaiEEIAJBgBBqIQUgACABQQNsaiEBA0AgACABSQRAIAMgAiAALQAAQQJ0aioCADgCACADIAQgAC0AAUECdGoqAgA4AgQgAyAFIAAtAAJBAnRqKgIAOAIIIABBA2ohACADQQxqIQMMAQsLCw==';
