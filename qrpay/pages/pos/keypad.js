// The amount, by big keys or a keyboard; it stays text until it is whole, and is never a float.
import { language, t } from "../lib/lang.js";
import { symbolOf } from "../lib/money.js";
import { html, Icon, Title } from "../lib/view.js";

const KEYS = ["1", "2", "3", "4", "5", "6", "7", "8", "9", ".", "0", "Backspace"];
const WHOLE_MAX = 9;

/** The typed text after one more key; keys that make no sense change nothing. `exponent` = decimals of the currency. */
export function press(before, key, exponent) {
  if (key === "Backspace") return before.slice(0, -1);
  if (key === "Escape") return "";
  if ((key === "." || key === ",") && exponent > 0) return before.includes(".") ? before : `${before || "0"}.`;
  if (!/^[0-9]$/.test(key)) return before;
  const [whole, part] = before.split(".");
  if (part !== undefined) return part.length < exponent ? before + key : before;
  if (whole === "0") return key;
  return whole.length < WHOLE_MAX ? before + key : before;
}

export function Keypad({ typed, currency, amount, description, onKey, onDescription, show, customer, verify, items, lines, shift, history, leave, leaveLabel }) {
  const name = (key) => ({ Backspace: t("erase"), ".": t("point") })[key] ?? key;
  return html`<section class="till">
    <${Title} className="fine">${t("amount_label")}<//>
    <p class="amount entry" aria-live="polite" data-typed=${typed}><small>${symbolOf(currency, language())}</small>${typed || "0"}</p>
    <label class="field"><span>${t("description")}</span>
      <input value=${description} maxlength="64" onInput=${(event) => onDescription(event.target.value)} autocomplete="off" /></label>
    <div class="keys" role="group" aria-label=${t("keypad")}>
      ${KEYS.map((key) => html`<button type="button" class="key" key=${key} aria-label=${name(key)} onClick=${() => onKey(key)}>
        ${key === "Backspace" ? html`<${Icon} name="erase" />` : key}</button>`)}
    </div>
    <div class="doors">
      <button type="button" class="first door" disabled=${!amount} onClick=${show}><${Icon} name="mark" />${t("show_code")}</button>
      <button type="button" class="second door" disabled=${!amount} onClick=${customer}><${Icon} name="scan" />${t("scan_customer")}</button>
    </div>
    <nav class="doors small" aria-label=${t("what_else")}>
      <button type="button" class="quiet" onClick=${items}><${Icon} name="cart" />${t("items")}${lines > 0 ? ` (${lines})` : ""}</button>
      <button type="button" class="quiet" onClick=${verify}><${Icon} name="shield" />${t("verify_receipt")}</button>
      <button type="button" class="quiet" onClick=${history}><${Icon} name="list" />${t("today")}</button>
      <button type="button" class="quiet" onClick=${shift}><${Icon} name="till" />${t("shift")}</button>
      <button type="button" class="quiet" onClick=${leave}><${Icon} name="leave" />${leaveLabel}</button>
    </nav>
  </section>`;
}
