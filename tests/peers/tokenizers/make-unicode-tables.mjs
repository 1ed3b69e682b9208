// Writes the table behind Unicode normalization (src/Litespark/Tokenization/Pipeline/UnicodeData.g.cs)
// from what this Node.js knows of Unicode:  node make-unicode-tables.mjs > ../../../src/Litespark/Tokenization/Pipeline/UnicodeData.g.cs
//
// The table, in LEB128 numbers; code points as differences from the one before:
//   combining classes:         count, then (code point, class)
//   pairs that compose:        count, then (code point, first, second)
//   other canonical mappings:  count, then (code point, length, code points)
//   compatibility mappings:    count, then (code point, length, code points)
import { deflateRawSync } from 'node:zlib';

// One mark for each combining class that exists: [class, code point].
const representatives = [
  [1,0x334], [6,0x16ff0], [7,0x93c], [8,0x3099], [9,0x94d], [10,0x5b0], [11,0x5b1], [12,0x5b2], [13,0x5b3], [14,0x5b4],
  [15,0x5b5], [16,0x5b6], [17,0x5b7], [18,0x5b8], [19,0x5b9], [20,0x5bb], [21,0x5bc], [22,0x5bd], [23,0x5bf],
  [24,0x5c1], [25,0x5c2], [26,0xfb1e], [27,0x64b], [28,0x64c], [29,0x64d], [30,0x618], [31,0x619], [32,0x61a],
  [33,0x651], [34,0x652], [35,0x670], [36,0x711], [84,0xc55], [91,0xc56], [103,0xe38], [107,0xe48], [118,0xeb8],
  [122,0xec8], [129,0xf71], [130,0xf72], [132,0xf74], [202,0x321], [214,0x1dce], [216,0x31b], [218,0x1dfa],
  [220,0x316], [222,0x59a], [224,0x302e], [226,0x1d16d], [228,0x5ae], [230,0x300], [232,0x315], [233,0x35c],
  [234,0x35d], [240,0x345]
];

const text = (...points) => String.fromCodePoint(...points);
const points = s => [...s].map(c => c.codePointAt(0));

/** JavaScript has no combining classes, but reorders marks by them: where neither order changes, the classes are equal. */
function combiningClass(mark) {
  for (const [value, other] of representatives) {
    const before = text(mark, other), after = text(other, mark);
    if (before.normalize('NFD') !== before) continue;   // mark's class is larger
    return after.normalize('NFD') !== after ? NaN : value; // smaller than all the rest: none of them
  }
  return NaN;
}

/** Whether the mark has a class at all: then it changes places with the smallest class (1) or the largest (240). */
function isReordered(mark) {
  return [text(mark, 0x334), text(0x345, mark)].some(pair => pair.normalize('NFD') !== pair);
}

const classes = [], pairs = [], canonical = [], compatible = [];
const marks = /^\p{M}$/u;
for (let c = 0; c < 0x110000; c++) {
  if ((c >= 0xD800 && c <= 0xDFFF) || (c >= 0xAC00 && c <= 0xD7A3)) continue; // Hangul syllables go by rule
  const self = text(c), nfd = self.normalize('NFD'), nfkd = self.normalize('NFKD');
  if (marks.test(self) && nfd === self && isReordered(c)) {
    const value = combiningClass(c);
    if (Number.isNaN(value)) throw new Error('no class for U+' + c.toString(16));
    classes.push([c, value]);
  }
  if (nfd !== self) {
    const full = points(nfd), first = points(text(...full.slice(0, -1)).normalize('NFC'));
    if (self.normalize('NFC') === self && full.length > 1 && first.length === 1) pairs.push([c, first[0], full.at(-1)]);
    else canonical.push([c, full.length, ...full]);
  }
  if (nfkd !== nfd) compatible.push([c, points(nfkd).length, ...points(nfkd)]);
}

const bytes = [];
function number(n) {
  for (; n >= 0x80; n = Math.floor(n / 128)) bytes.push((n % 128) | 0x80);
  bytes.push(n);
}
for (const table of [classes, pairs, canonical, compatible]) {
  number(table.length);
  let last = 0;
  for (const [c, ...rest] of table) {
    number(c - last);
    last = c;
    rest.forEach(number);
  }
}
const lines = deflateRawSync(Buffer.from(bytes), { level: 9 }).toString('base64').match(/.{1,120}/g);
console.log(`// Written by tests/peers/tokenizers/make-unicode-tables.mjs (Unicode ${process.versions.unicode}); the format is told there.
namespace Litespark.Tokenization.Pipeline;

/// <summary>Unicode's decompositions and combining classes, deflated.</summary>
internal static class UnicodeData
{
    /// <summary>The table in Base64.</summary>
    public const string Base64 =
${lines.map(line => `        "${line}"`).join(' +\n')};
}`);
