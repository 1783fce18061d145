// A day in many spellings.

/** As people write them, with what they cannot be mistaken for: months first only between slashes. */
export const spellings: readonly ((day: Day) => string)[] = [
  ({year, mm, dd}) => `${year}-${mm}-${dd}`,
  ({year, mm, dd}) => `${year}${mm}${dd}`,
  ({year, month, day}) => `${year}/${month}/${day}`,
  ({month, day, year}) => `${month}/${day}/${year}`,
  ({mm, dd, yy}) => `${mm}/${dd}/${yy}`,
  ({month, day, year}) => `${day}.${month}.${year}`,
  ({mm, dd, yy}) => `${dd}.${mm}.${yy}`,
  ({day, roman, year}) => `${day}. ${roman}. ${year}`,
  ({day, name, year}) => `${day} ${name} ${year}`,
  ({day, name, year}) => `${name} ${day}, ${year}`,
  ({day, short, year}) => `${short} ${day}, ${year}`,
  ({day, short, yy}) => `${day}-${short}-${yy}`,
  ({dd, short, yy}) => `${dd}${short.toUpperCase()}${yy}`,
  ({day, short, yy}) => `${day} ${short.toLowerCase()} '${yy}`,
  ({day, name, year}) => `${day} ${name.toUpperCase()} ${year}`,
  ({ordinal, name, year}) => `the ${ordinal} of ${name} ${year}`,
  ({ordinal, name, year}) => `${name} ${ordinal}, ${year}`,
  ({weekday, day, name, year}) => `${weekday}, ${day} ${name} ${year}`,
  ({weekday, ordinal, short, year}) => `${weekday.slice(0, 3)} ${short} ${ordinal} ${year}`,
  ({year, short, dd}) => `${year} ${short} ${dd}`,
];

const months = [
  ...['January', 'February', 'March', 'April', 'May', 'June', 'July', 'August', 'September', 'October'],
  ...['November', 'December'],
];
const romans = ['I', 'II', 'III', 'IV', 'V', 'VI', 'VII', 'VIII', 'IX', 'X', 'XI', 'XII'];
const weekdays = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
const endings: Readonly<Record<number, string>> = {
  1: 'st',
  2: 'nd',
  3: 'rd',
  21: 'st',
  22: 'nd',
  23: 'rd',
  31: 'st',
};

/** The parts that spellings are made of. */
export type Day = ReturnType<typeof dayOf>;

export function dayOf(date: Date) {
  const [year, month, day] = [date.getUTCFullYear(), date.getUTCMonth() + 1, date.getUTCDate()];
  const two = (number: number): string => String(number).padStart(2, '0');
  const name = months[month - 1] as string;
  return {
    year,
    month,
    day,
    yy: two(year % 100),
    mm: two(month),
    dd: two(day),
    name,
    short: name.slice(0, 3),
    roman: romans[month - 1] as string,
    ordinal: `${day}${endings[day] ?? 'th'}`,
    weekday: weekdays[date.getUTCDay()] as string,
    iso: `${year}-${two(month)}-${two(day)}`,
  };
}
