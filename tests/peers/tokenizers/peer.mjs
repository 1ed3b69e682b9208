// What Hugging Face's library makes of texts:  node peer.mjs TOKENIZER_JSON TEXTS_JSON
import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import library from 'tokenizers';

/** [{ids, decoded, skipped}] for every text: its ids, their text, and their text without special tokens. */
export async function encodeAll(tokenizerJson, texts) {
  const tokenizer = library.Tokenizer.fromString(tokenizerJson);
  const results = [];
  for (const text of texts) {
    const ids = (await tokenizer.encode(text)).getIds();
    results.push({ ids, decoded: await tokenizer.decode(ids, false), skipped: await tokenizer.decode(ids, true) });
  }
  return results;
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [tokenizer, texts] = process.argv.slice(2, 4).map(path => readFileSync(path, 'utf8'));
  console.log(JSON.stringify(await encodeAll(tokenizer, JSON.parse(texts))));
}
