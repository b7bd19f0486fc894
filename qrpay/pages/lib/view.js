// Preact and htm under one name, and the pieces every page is built from.
import { html, render, useCallback, useEffect, useErrorBoundary, useLayoutEffect, useMemo, useRef, useState } from "../vendor/htm/standalone.module.js";
import { Problem, Unreachable } from "./api.js";
import { language, onLanguage, setLanguage, t } from "./lang.js";
import { money } from "./money.js";

export { html, render, useCallback, useEffect, useErrorBoundary, useLayoutEffect, useMemo, useRef, useState };

/** Draw the page's root component into <main>, anew whenever the language changes. */
export function mount(Root) {
  function Speaking() {
    const [, heard] = useState(language());
    useEffect(() => onLanguage(heard), []);
    return html`<${Root} />`;
  }
  render(html`<${Speaking} />`, document.getElementById("page"));
}

/** The title of a screen; takes the focus when the screen appears, so that a screen reader says where one is. */
export function Title({ children, className = "" }) {
  const title = useRef(null);
  useEffect(() => title.current.focus({ preventScroll: true }), []);
  return html`<h1 ref=${title} tabindex="-1" class=${className}>${children}</h1>`;
}

function LanguageSwitch() {
  const other = language() === "zh" ? "en" : "zh";
  return html`<button type="button" class="quiet" lang=${other === "zh" ? "zh-CN" : "en"} onClick=${() => setLanguage(other)}>
    ${other === "zh" ? "中文" : "English"}
  </button>`;
}

/** The head of a page: brand or a way back, and the language. */
export function Head({ name, back, children }) {
  return html`<header class="head">
    ${back
      ? html`<button type="button" class="quiet back" onClick=${back}><${Icon} name="back" />${t("back")}</button>`
      : html`<span class="brand"><${Icon} name="mark" />${name}</span>`}
    <span class="head-end">${children}<${LanguageSwitch} /></span>
  </header>`;
}

/** What went wrong and what to do, by the server's own words; `again` offers another try. */
export function Trouble({ reason, again }) {
  const box = useRef(null);
  useEffect(() => { if (reason) box.current?.scrollIntoView({ block: "nearest" }); }, [reason]);
  if (!reason) return html`<div role="alert"></div>`;
  const [title, detail] = wordsOf(reason);
  return html`<div role="alert" class="notice bad" ref=${box}>
    <strong>${title}</strong>
    <span>${detail}</span>
    ${reason.fields?.map((field) => html`<span class="fine">${field.pointer}: ${field.detail}</span>`)}
    ${again && html`<button type="button" class="second" onClick=${again}>${t("try_again")}</button>`}
  </div>`;
}

/** A title and a next step for anything that can be thrown. */
export function wordsOf(reason) {
  if (reason instanceof Problem) return [reason.title, reason.detail];
  if (reason instanceof Unreachable) return [t("unreachable"), t("unreachable_detail")];
  return [t("broken"), `${reason?.message ?? reason}`];
}

/** A form that asks for a credential; `fields` are {name, label, hint?, required?, value?}. `quiet`: takes no focus. */
export function CredentialForm({ title, hint, fields, done, quiet = false }) {
  const submit = (event) => {
    event.preventDefault();
    const given = Object.fromEntries([...new FormData(event.target)].map(([name, value]) => [name, value.trim()]));
    done(given);
  };
  return html`<section class="card welcome">
    ${quiet ? html`<h2>${title}</h2>` : html`<${Title}>${title}<//>`}
    <p>${hint}</p>
    <form onSubmit=${submit}>
      ${fields.map((field) => html`<label class="field"><span>${field.label}</span>
        <input name=${field.name} required=${field.required} defaultValue=${field.value ?? ""} autocomplete="off" spellcheck="false"
          type=${field.secret ? "password" : "text"} autocapitalize="off" />
      </label>`)}
      <button class="first">${t("go_on")}</button>
    </form>
  </section>`;
}

/** A sheet over the page, by the browser's own dialog: it keeps the focus inside and gives it back. */
export function Sheet({ label, close, children }) {
  const sheet = useRef(null);
  useEffect(() => {
    sheet.current.showModal();
    return () => sheet.current?.close();
  }, []);
  return html`<dialog ref=${sheet} class="sheet" aria-label=${label} onCancel=${(event) => { event.preventDefault(); close?.(); }}>${children}</dialog>`;
}

/** Seconds from now until a time, counting down; 0 when it has passed. */
export function useSecondsLeft(until) {
  const left = () => (until ? Math.max(0, Math.ceil((new Date(until) - Date.now()) / 1000)) : 0);
  const [seconds, setSeconds] = useState(left);
  useEffect(() => {
    setSeconds(left());
    const timer = setInterval(() => setSeconds(left()), 500);
    return () => clearInterval(timer);
  }, [until]);
  return seconds;
}

/** 14:05, counted down. */
export function minutes(seconds) {
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

/** Text that may be copied: a box that selects itself, and a button. */
export function Copyable({ text, label }) {
  const [copied, setCopied] = useState(false);
  const copy = () => navigator.clipboard?.writeText(text).then(() => setCopied(true), () => {});
  return html`<details class="copyable"><summary>${label}</summary>
    <textarea readonly rows="4" aria-label=${label} onFocus=${(event) => event.target.select()}>${text}</textarea>
    <button type="button" class="second" onClick=${copy}>${copied ? t("copied") : t("copy")}</button>
  </details>`;
}

/** An amount as the biggest thing on a screen; a long one is set smaller, so that it never breaks. */
export function Sum({ amount, currency, ...more }) {
  const text = money(amount, currency, language());
  return html`<p class="amount ${text.length > 12 ? "longer" : text.length > 8 ? "long" : ""}" ...${more}>${text}</p>`;
}

/** A payee's or payer's name, whichever form an answer or event gives it in. */
export function nameOf(party) {
  return typeof party === "string" ? party : party?.name ?? "";
}

const ICONS = {
  mark: "M3 3h7v7H3zM14 3h7v7h-7zM3 14h7v7H3zM14 14h3v3h-3zM18 18h3v3h-3z",
  back: "M15 5l-7 7 7 7",
  scan: "M4 8V5a1 1 0 0 1 1-1h3M16 4h3a1 1 0 0 1 1 1v3M20 16v3a1 1 0 0 1-1 1h-3M8 20H5a1 1 0 0 1-1-1v-3M4 12h16",
  code: "M4 5v14M7 5v14M10 5v14M14 5v14M16 5v14M20 5v14",
  list: "M8 6h12M8 12h12M8 18h12M4 6h.01M4 12h.01M4 18h.01",
  check: "M5 12.5l4.5 4.5L19 7.5",
  shield: "M12 3l7 3v5c0 5-3 8-7 10-4-2-7-5-7-10V6zM8.5 12l2.5 2.5 4.5-5",
  warn: "M12 4l9 16H3zM12 10v4M12 17h.01",
  erase: "M9 6h11v12H9l-6-6zM12 10l4 4M16 10l-4 4",
  away: "M4 4l16 16M2 9a15 15 0 0 1 6-3.500M22 9a15 15 0 0 0-10-4M6 13a10 10 0 0 1 5-2.500M18 13l-2-1.500M12 18h.01",
  cart: "M3 4h2l2.500 11h10L20 7H6M9 20h.01M16 20h.01",
  leave: "M10 4H5v16h5M14 8l4 4-4 4M9 12h9",
  till: "M4 20h16v-6H4zM6 14V5h9v9M18 14v-4M10 17h4",
  print: "M7 8V4h10v4M7 16H4V9h16v7h-3M7 14h10v6H7z",
  share: "M12 15V4M8 7l4-4 4 4M5 12v8h14v-8",
  image: "M4 5h16v14H4zM4 16l5-5 4 4 3-3 4 4M9 9h.01",
};

/** A line drawing; decoration only, the text beside it says the thing. */
export function Icon({ name }) {
  return html`<svg class="icon" viewBox="0 0 24 24" aria-hidden="true"><path d=${ICONS[name]} /></svg>`;
}
