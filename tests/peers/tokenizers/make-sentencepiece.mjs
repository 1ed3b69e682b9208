// Makes a small SentencePiece-style tokenizer.json (byte fallback, no pre-tokenization) from corpus.json:  node make-sentencepiece.mjs
import { readFileSync, writeFileSync } from 'node:fs';

const data = new URL('../../Litespark.Tests/Tokenization/Data/', import.meta.url);
const corpus = JSON.parse(readFileSync(new URL('corpus.json', data), 'utf8'));
const size = 700;

const vocab = new Map(['<unk>', '<s>', '</s>'].map((token, id) => [token, id]));
for (let value = 0; value < 256; value++)
  vocab.set(`<0x${value.toString(16).toUpperCase().padStart(2, '0')}>`, vocab.size);

// Words with a marker before each; only common characters enter the vocabulary, so that the others need byte fallback.
const words = corpus.flatMap(text => text.split(/(?= )/).map(word => [...word.replaceAll(' ', '▁')]));
const counts = new Map();
words.flat().forEach(c => counts.set(c, (counts.get(c) ?? 0) + 1));
for (const [c, count] of [...counts].sort())
  if (count > 2 && !/[\r\n\0]/.test(c)) vocab.set(c, vocab.size);

const merges = [];
while (vocab.size < size) {
  const pairs = new Map();
  for (const word of words)
    for (let i = 0; i + 1 < word.length; i++)
      if (vocab.has(word[i]) && vocab.has(word[i + 1])) {
        const key = word[i] + ' ' + word[i + 1];
        pairs.set(key, (pairs.get(key) ?? 0) + 1);
      }
  const [best, count] = [...pairs].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1))[0] ?? ['', 0];
  if (count < 2) break;
  const [left, right] = best.split(' ');
  merges.push([left, right]);
  vocab.set(left + right, vocab.size);
  for (const word of words)
    for (let i = 0; i + 1 < word.length; i++)
      if (word[i] === left && word[i + 1] === right) word.splice(i, 2, left + right);
}

const special = (id, content) => ({ id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: true });
const tokenizer = {
  version: '1.0', truncation: null, padding: null,
  added_tokens: [special(0, '<unk>'), special(1, '<s>'), special(2, '</s>')],
  normalizer: {
    type: 'Sequence',
    normalizers: [{ type: 'Prepend', prepend: '▁' }, { type: 'Replace', pattern: { String: ' ' }, content: '▁' }],
  },
  pre_tokenizer: null,
  post_processor: {
    type: 'TemplateProcessing',
    single: [{ SpecialToken: { id: '<s>', type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }],
    pair: [
      { SpecialToken: { id: '<s>', type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } },
      { SpecialToken: { id: '<s>', type_id: 1 } }, { Sequence: { id: 'B', type_id: 1 } },
    ],
    special_tokens: { '<s>': { id: '<s>', ids: [1], tokens: ['<s>'] } },
  },
  decoder: {
    type: 'Sequence',
    decoders: [
      { type: 'Replace', pattern: { String: '▁' }, content: ' ' }, { type: 'ByteFallback' }, { type: 'Fuse' },
      { type: 'Strip', content: ' ', start: 1, stop: 0 },
    ],
  },
  model: {
    type: 'BPE', dropout: null, unk_token: '<unk>', continuing_subword_prefix: null, end_of_word_suffix: null,
    fuse_unk: true, byte_fallback: true, vocab: Object.fromEntries(vocab), merges,
  },
};
writeFileSync(new URL('sentencepiece.tokenizer.json', data), JSON.stringify(tokenizer, null, 1) + '\n');
