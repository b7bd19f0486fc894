// Pieces that every tab of the owner's page is built from.
import { t } from "../lib/lang.js";
import { html, Trouble, useCallback, useEffect, useState } from "../lib/view.js";

/** Do something, one thing at a time: [run(work), busy, trouble]. `run` gives whether it went well. */
export function useWork() {
  const [busy, setBusy] = useState(false);
  const [trouble, setTrouble] = useState(null);
  const run = useCallback(async (work) => {
    setBusy(true);
    setTrouble(null);
    try {
      await work();
      return true;
    } catch (reason) {
      setTrouble(reason);
      return false;
    } finally {
      setBusy(false);
    }
  }, []);
  return [run, busy, trouble];
}

/** A list page by page: {rows (null before the first answer), again, more (null at the end), trouble}. */
export function useList(api, path) {
  const [rows, setRows] = useState(null);
  const [cursor, setCursor] = useState(null);
  const [run, , trouble] = useWork();
  const read = (after) => run(async () => {
    const answer = await api.get(after ? `${path}${path.includes("?") ? "&" : "?"}cursor=${encodeURIComponent(after)}` : path);
    setRows((before) => [...(after ? before : []), ...answer.data]);
    setCursor(answer.next_cursor);
  });
  const again = useCallback(() => read(null), [path]);
  useEffect(() => { again(); }, [again]);
  return { rows, again, more: cursor ? () => read(cursor) : null, trouble };
}

/** A list as rows, with what stands in for it while it is read, empty or broken. */
export function List({ list, row, empty }) {
  return html`<${Trouble} reason=${list.trouble} again=${list.again} />
    ${list.rows === null && !list.trouble && html`<p class="wait" role="status">${t("loading")}</p>`}
    ${list.rows?.length === 0 && html`<p class="notice">${empty}</p>`}
    <ul class="rows">${list.rows?.map(row)}</ul>
    ${list.more && html`<button type="button" class="second wide" onClick=${list.more}>${t("more")}</button>`}`;
}

/** A secret that is shown this once. */
export function Once({ label, text, close }) {
  const [copied, setCopied] = useState(false);
  const copy = () => navigator.clipboard?.writeText(text).then(() => setCopied(true), () => {});
  return html`<section class="card says once" role="alert"><strong>${label}</strong><p class="id" data-once>${text}</p>
    <p class="fine">${t("own_once")}</p>
    <div class="doors"><button type="button" class="second" onClick=${copy}>${copied ? t("copied") : t("copy")}</button>
      <button type="button" class="first" onClick=${close}>${t("done")}</button></div></section>`;
}

/** Fields and a button behind a line that opens them; `done(values)` gives whether it went well, and then they are empty. */
export function Adder({ label, fields, go, done }) {
  const submit = async (event) => {
    event.preventDefault();
    const form = event.target;
    const given = Object.fromEntries([...new FormData(form)].map(([name, value]) => [name, value.trim()]));
    if (await done(given)) {
      form.reset();
      form.closest("details").open = false;
    }
  };
  return html`<details class="adder"><summary>${label}</summary><form onSubmit=${submit}>
    ${fields.map((field) => html`<label class="field"><span>${field.label}</span>${field.choices
      ? html`<select name=${field.name}>${field.choices.map(([value, text]) => html`<option value=${value}>${text}</option>`)}</select>`
      : html`<input name=${field.name} required=${field.required} maxlength=${field.max ?? 64} inputmode=${field.mode} pattern=${field.pattern} placeholder=${field.like} autocomplete="off" spellcheck="false" />`}</label>`)}
    <button class="first">${go ?? t("own_add")}</button></form></details>`;
}

/** Press twice for what cannot be taken back. */
export function Sure({ label, act }) {
  const [asked, setAsked] = useState(false);
  return html`<button type="button" class="second danger" onClick=${() => { if (asked) act(); setAsked(!asked); }} onBlur=${() => setAsked(false)}>
    ${asked ? t("own_sure", { act: label }) : label}</button>`;
}
