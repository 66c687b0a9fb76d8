/** Figures and times as people read them, in the browser's language and time zone. */

const NONE = "–";
const whole = new Intl.NumberFormat();
const short = new Intl.NumberFormat(undefined, { notation: "compact", maximumFractionDigits: 1 });
const tenth = new Intl.NumberFormat(undefined, { maximumFractionDigits: 1 });
const hundredth = new Intl.NumberFormat(undefined, {
  minimumFractionDigits: 2,
  maximumFractionDigits: 2,
});
const clock = new Intl.DateTimeFormat(undefined, { timeStyle: "medium", hourCycle: "h23" });
const minute = new Intl.DateTimeFormat(undefined, { timeStyle: "short", hourCycle: "h23" });
const day = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric" });
const fullDay = new Intl.DateTimeFormat(undefined, { dateStyle: "medium" });

/** @param {number | null} value */
export function count(value) {
  return value === null ? NONE : whole.format(value);
}

/** A count in few characters: 12.3K. @param {number | null} value */
export function compact(value) {
  if (value === null) return NONE;
  return value < 10_000 ? whole.format(value) : short.format(value);
}

/** @param {number | null} value */
export function percent(value) {
  return value === null ? NONE : `${tenth.format(value)} %`;
}

/** @param {number | null} milliseconds */
export function duration(milliseconds) {
  if (milliseconds === null) return NONE;
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`;
  if (milliseconds < 60_000) return `${hundredth.format(milliseconds / 1000)} s`;
  const seconds = Math.round(milliseconds / 1000);
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${seconds % 60} s`;
  return `${whole.format(Math.floor(minutes / 60))} h ${minutes % 60} min`;
}

/** The time of today, or the day and the time. @param {string} moment */
export function when(moment) {
  const date = new Date(moment);
  const today = date.toDateString() === new Date().toDateString();
  return today ? clock.format(date) : `${day.format(date)}, ${clock.format(date)}`;
}

/** @param {string} moment */
export function exactly(moment) {
  const date = new Date(moment);
  return `${fullDay.format(date)}, ${clock.format(date)}`;
}

/** @param {string} moment */
export function hour(moment) {
  return minute.format(new Date(moment));
}

/** The word with its number: 1 message, 2 messages. @param {number} number @param {string} word */
export function some(number, word) {
  return `${whole.format(number)} ${word}${number === 1 ? "" : "s"}`;
}

/** A moment as fields for dates and times have it; empty for what is none. @param {string} text */
export function localTime(text) {
  const time = Date.parse(text);
  if (Number.isNaN(time)) return "";
  const local = new Date(time - new Date(time).getTimezoneOffset() * 60_000);
  return local.toISOString().slice(0, 19);
}

/** What such a field has, as a moment with its time zone. @param {string} local */
export function moment(local) {
  return new Date(local).toISOString();
}
