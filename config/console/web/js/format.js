// Words for values.

const plain = new Intl.NumberFormat("en");
const short = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });
const year = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric" });

export const number = (n) => plain.format(n ?? 0);

// compact is 12.3K for what would be too wide.
export const compact = (n) => (Math.abs(n ?? 0) < 10_000 ? plain.format(n ?? 0) : short.format(n));

export const plural = (n, one, many = `${one}s`) => `${number(n)} ${n === 1 ? one : many}`;

// when is a time in the reader's zone, without a date that is today's.
export function when(text) {
  const t = new Date(text);
  if (Number.isNaN(t.getTime())) return "";
  const now = new Date();
  if (t.toDateString() === now.toDateString()) return clock.format(t);
  return `${(t.getFullYear() === now.getFullYear() ? day : year).format(t)}, ${clock.format(t)}`;
}

// ago is how long since, in one unit; "in 5 min" for what is to come.
export function ago(text) {
  const seconds = (Date.now() - new Date(text).getTime()) / 1000;
  if (Number.isNaN(seconds)) return "";
  return seconds < 0 ? `in ${rough(-seconds)}` : seconds < 1 ? "just now" : `${rough(seconds)} ago`;
}

// rough is a length in its largest unit, of seconds.
export function rough(seconds) {
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 3570) return `${Math.round(seconds / 60)} min`;
  if (seconds < 36_000) return `${Math.round(seconds / 360) / 10} h`;
  if (seconds < 129_600) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86_400)} d`;
}

const units = { ns: 1e-9, us: 1e-6, "µs": 1e-6, "μs": 1e-6, ms: 1e-3, s: 1, m: 60, h: 3600 };

// seconds reads a length as the API writes it, "1h30m"; NaN if it is none.
export function seconds(text) {
  const parts = [...String(text ?? "").trim().matchAll(/([0-9]+(?:\.[0-9]+)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h)/g)];
  if (!parts.length || parts.map((p) => p[0]).join("") !== String(text).trim()) return NaN;
  return parts.reduce((sum, [, n, unit]) => sum + Number(n) * units[unit], 0);
}

// duration is a length of the API for people: "12.4 ms", "1.2 s", "2 h".
export function duration(text) {
  const s = seconds(text);
  return Number.isNaN(s) ? String(text ?? "") : spent(s);
}

// spent is so many seconds for people.
export function spent(s) {
  if (s === 0) return "0 ms";
  if (s < 1e-5) return "< 0.01 ms";
  if (s < 0.1) return `${(s * 1000).toPrecision(2).replace(/\.0$/, "")} ms`;
  if (s < 1) return `${Math.round(s * 1000)} ms`;
  if (s < 60) return `${Math.round(s * 10) / 10} s`;
  return rough(s);
}

const factors = { "": 1, B: 1, BYTES: 1, KB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12, KIB: 2 ** 10, MIB: 2 ** 20, GIB: 2 ** 30, TIB: 2 ** 40 };

// parseBytes reads a size as people write it, "10 GB" or "1.5GiB"; NaN if it is none.
export function parseBytes(text) {
  const found = /^([0-9]+(?:\.[0-9]+)?)\s*([a-z]*)$/i.exec(String(text).trim());
  const factor = factors[found?.[2].toUpperCase()];
  return factor === undefined ? NaN : Math.round(Number(found[1]) * factor);
}

const sizes = ["bytes", "KiB", "MiB", "GiB", "TiB"];

export function bytes(n) {
  let size = n ?? 0;
  let i = 0;
  for (; size >= 1024 && i < sizes.length - 1; i += 1) size /= 1024;
  return `${i ? Math.round(size * 10) / 10 : size} ${sizes[i]}`;
}

// percent of a part; "–" of nothing. What is not all is never called 100.
export function percent(part, whole) {
  if (!whole) return "–";
  const p = (part / whole) * 100;
  if (p === 0 || p === 100) return `${p} %`;
  return p > 99.9 ? "> 99.9 %" : p < 0.1 ? "< 0.1 %" : `${p.toFixed(1)} %`;
}

// brief is the parts of a delivery's id in which ids differ: its time, the end of
// its sequence, and the beginning of what is its endpoint's.
export const brief = (id) => (id && id.length > 30 ? `${id.slice(4, 14)}…${id.slice(20, 26)}` : id ?? "");

export function json(value) {
  return JSON.stringify(value, null, 2);
}
