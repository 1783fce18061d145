// Tables on the terminal, of the bench and of test runs.
const beginsWithNumber = /^[−–-]?\d/;

/** Columns as wide as their widest cell; numbers below the first row stand flush right. */
export function table(rows: readonly (readonly string[])[]): string {
  const columns = Math.max(...rows.map(row => row.length));
  const all = Array.from({length: columns}, (_, column) => {
    const cells = rows.map(row => row[column] ?? '');
    const body = cells.slice(1).filter(cell => cell !== '' && cell !== '–');
    const right = body.length > 0 && body.every(cell => beginsWithNumber.test(cell));
    const width = Math.max(...cells.map(cell => cell.length));
    return cells.map(cell => (right ? cell.padStart(width) : cell.padEnd(width)));
  });
  const line = (index: number): string => all.map(cells => cells[index]).join('  ');
  return rows.map((_, index) => line(index).trimEnd()).join('\n');
}
