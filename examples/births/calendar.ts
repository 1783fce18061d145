// What is known of a day long before it comes: its weekday, its season, and whether it is a holiday.

type Holiday = (date: Date) => boolean;

const on =
  (month: number, day: number): Holiday =>
  date =>
    date.getUTCMonth() + 1 === month && date.getUTCDate() === day;

/** The days of a month on a weekday, 0 for Sunday, from one number to another. */
const within =
  (month: number, weekday: number, from: number, to: number): Holiday =>
  date =>
    date.getUTCMonth() + 1 === month &&
    date.getUTCDay() === weekday &&
    date.getUTCDate() >= from &&
    date.getUTCDate() <= to;

const thanksgiving = within(11, 4, 22, 28);

/** Those of the United States on which births are seldom planned, and the days around them. */
const holidays: readonly Holiday[] = [
  on(1, 1),
  on(1, 2),
  within(5, 1, 25, 31), // Memorial Day
  on(7, 4),
  within(9, 1, 1, 7), // Labor Day
  thanksgiving,
  date => thanksgiving(new Date(date.getTime() - dayMs)),
  on(12, 24),
  on(12, 25),
  on(12, 26),
  on(12, 31),
];

export const dayMs = 86_400_000;

/** Yes and no as 1 and 0, and two waves of a year with their halves. */
export function calendarOf(date: Date): number[] {
  const weekdays = Array.from({length: 7}, (_, day) => Number(date.getUTCDay() === day));
  const turn = (2 * Math.PI * (date.getTime() / dayMs)) / 365.2425;
  const waves = [1, 2].flatMap(times => [Math.sin(times * turn), Math.cos(times * turn)]);
  return [...weekdays, ...waves, ...holidays.map(holiday => Number(holiday(date)))];
}
