// Which language the page speaks, and its sentences. `?lang=zh|en` wins, then the last choice, then the browser's.
import { texts } from "../texts.js";
import { keep, stored } from "./session.js";

const hearers = new Set();
let chosen = first();

function first() {
  const asked = new URLSearchParams(location.search).get("lang") ?? stored(localStorage, "qrpay.lang", null);
  return asked in texts ? asked : navigator.language.startsWith("zh") ? "zh" : "en";
}

/** "zh" or "en". */
export function language() {
  return chosen;
}

export function setLanguage(next) {
  chosen = next;
  keep(localStorage, "qrpay.lang", next);
  document.documentElement.lang = next === "zh" ? "zh-CN" : "en";
  for (const hear of hearers) hear(next);
}

export function onLanguage(hear) {
  hearers.add(hear);
  return () => hearers.delete(hear);
}

/** The sentence of that name in the page's language, its {names} filled in. A missing one shows its name, so that it is seen. */
export function t(name, figures = {}) {
  const sentence = texts[chosen][name] ?? name;
  return sentence.replace(/\{(\w+)\}/g, (_, key) => figures[key] ?? "");
}

/** A time of today as 14:05, of another day with its date. */
export function clock(time, { date = false, seconds = false } = {}) {
  const moment = new Date(time);
  const today = moment.toDateString() === new Date().toDateString();
  return new Intl.DateTimeFormat(chosen === "zh" ? "zh-CN" : "en-GB", {
    hour: "2-digit",
    minute: "2-digit",
    ...(seconds && { second: "2-digit" }),
    ...((date || !today) && { month: "short", day: "numeric" }),
  }).format(moment);
}

document.documentElement.lang = chosen === "zh" ? "zh-CN" : "en";
