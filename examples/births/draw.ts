// Lines over days, in panels one above the other.
import {colours, gridLine, legend, picture, px, text} from '../../scripts/pictures/svg.ts';
import {dayMs} from './calendar.ts';

export interface Panel {
  readonly title: string;
  /** One for each name, in the colour of its place; undefined for a name that this panel does not show. */
  readonly lines: readonly (readonly number[] | undefined)[];
}

const [left, top, width, height, gap] = [70, 96, 860, 210, 56];

/** Round numbers around the values, some five of them. */
function ticksOf(values: readonly number[]): number[] {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const power = 10 ** Math.floor(Math.log10((high - low) / 5));
  const step = power * ([1, 2, 5, 10].find(factor => 5 * factor * power >= high - low) as number);
  const first = Math.floor(low / step);
  const count = Math.ceil(high / step) - first + 1;
  return Array.from({length: count}, (_, index) => (first + index) * step);
}

function drawPanel({title, lines}: Panel, top: number, first: Date): string[] {
  const shown = lines.filter(line => line !== undefined);
  const days = Math.max(...shown.map(line => line.length));
  const ticks = ticksOf(shown.flat());
  const [low, high] = [ticks[0] as number, ticks.at(-1) as number];
  const across = (day: number): number => left + (day / (days - 1)) * width;
  const down = (value: number): number => top + height - ((value - low) / (high - low)) * height;
  const dates = Array.from({length: days}, (_, day) => new Date(first.getTime() + day * dayMs));
  const months = [...dates.keys()].filter(day => dates[day]?.getUTCDate() === 1);
  return [
    text(16, top - 12, title, {bold: true}),
    ...ticks.flatMap(tick => [
      gridLine(left, down(tick), left + width, down(tick)),
      text(left - 8, down(tick) + 4, tick.toLocaleString('en').replace('-', '−'), {anchor: 'end'}),
    ]),
    ...months.flatMap(day => [
      gridLine(across(day), top, across(day), top + height),
      text(across(day) + 4, top + height + 18, dates[day]?.toISOString().slice(0, 10) as string),
    ]),
    ...lines.flatMap((line, index) => {
      if (!line) return [];
      const points = line.map((value, day) => `${px(across(day))} ${px(down(value))}`).join('L');
      return [`<path d="M${points}" fill="none" stroke="${colours[index]}" stroke-width="1.6"/>`];
    }),
  ];
}

/** The days begin with `first`; `names` say what the lines are. */
export function drawDays(
  title: string,
  first: Date,
  names: readonly string[],
  panels: readonly Panel[],
): string {
  const parts = panels.flatMap((panel, index) => drawPanel(panel, top + index * (height + gap), first));
  const below = top + panels.length * (height + gap);
  return picture(title, left + width + 24, below - 16, [...legend(names, 16, 56), ...parts]);
}
