// Writes the golden vectors anew: every case is a base tokenizer.json with a patch over it; "vectors" is what Hugging Face's
// library makes of each text of corpus.json:  node make-cases.mjs
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { encodeAll } from './peer.mjs';

const data = new URL('../../Litespark.Tests/Tokenization/Data/', import.meta.url);
const read = name => JSON.parse(readFileSync(new URL(name, data), 'utf8'));

/** The base with the patch's members instead of its own; those of "model" one by one. */
export function applyPatch(base, patch) {
  return { ...base, ...patch, model: { ...base.model, ...patch.model } };
}

const corpus = read('corpus.json');
for (const name of readdirSync(new URL('cases/', data))) {
  const golden = read('cases/' + name);
  golden.vectors = await encodeAll(JSON.stringify(applyPatch(read(golden.base), golden.patch)), corpus);
  const { vectors, ...head } = golden;
  const lines = vectors.map(vector => '    ' + JSON.stringify(vector));
  writeFileSync(new URL('cases/' + name, data),
    JSON.stringify(head, null, 2).replace(/\n}$/, ',\n  "vectors": [\n') + lines.join(',\n') + '\n  ]\n}\n');
}
