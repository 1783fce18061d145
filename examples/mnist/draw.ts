// Pictures as text: a braille character shows two columns of four pixels.
const side = 28;
const threshold = 96;
/** Bit of each of a character's eight dots, [row][column]. */
const dots = [
  [0x01, 0x08],
  [0x02, 0x10],
  [0x04, 0x20],
  [0x40, 0x80],
] as const;

function drawImage(pixels: Uint8Array): string[] {
  const lines: string[] = [];
  for (let top = 0; top < side; top += 4) {
    let line = '';
    for (let left = 0; left < side; left += 2) {
      let bits = 0;
      dots.forEach((pair, row) => {
        pair.forEach((bit, column) => {
          if ((pixels[(top + row) * side + left + column] as number) > threshold) bits |= bit;
        });
      });
      line += String.fromCodePoint(0x2800 + bits);
    }
    lines.push(line);
  }
  return lines;
}

/** The two likeliest classes, `7  99.8 %` each. */
function drawProbabilities(probabilities: Float32Array, names: readonly string[]): string[] {
  return Array.from(probabilities, (probability, index) => ({probability, name: names[index] as string}))
    .sort((a, b) => b.probability - a.probability)
    .slice(0, 2)
    .map(({probability, name}) => `${name} ${(100 * probability).toFixed(1)} %`);
}

/** Pictures side by side, with what they are and what the network takes them for. */
export function drawImages(
  pictures: readonly {pixels: Uint8Array; label: number; probabilities: Float32Array}[],
  names: readonly string[],
): string {
  const columns = pictures.map(({pixels, label, probabilities}) => [
    ...drawImage(pixels),
    `is ${names[label]}`,
    ...drawProbabilities(probabilities, names),
  ]);
  const width = Math.max(...columns.flat().map(line => line.length)) + 3;
  const height = columns[0]?.length ?? 0;
  const line = (row: number): string => columns.map(column => (column[row] as string).padEnd(width)).join('');
  return Array.from({length: height}, (_, row) => line(row).trimEnd()).join('\n');
}
