import { selectBackend } from '../node/backend.js';
import { convert } from '../node/models/convert.js';
import type { DataType } from '../training/data_types.js';

interface ConvertFlags {
  dataType?: DataType;
  rename?: string;
}

export async function convertCommand(from: string, to: string, flags: ConvertFlags): Promise<void> {
  await selectBackend();
  const { path, notes } = await convert({ from, to, ...flags });
  for (const note of notes) console.log(note);
  console.log(`written    ${path}`);
}
