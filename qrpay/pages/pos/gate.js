// Who may use this till: a device that its owner paired, and somebody of the staff by number and code; or a pasted key.
import { Api, Problem } from "../lib/api.js";
import { t } from "../lib/lang.js";
import { forget, keep, read, save, stored } from "../lib/session.js";
import { CredentialForm, Head, html, Title, Trouble, useState } from "../lib/view.js";

const PAIRED = "qrpay.terminal";

/** The terminal that this device is, kept across restarts: {secret_key, merchant, name, store, …}; null when it is none. */
export function paired() {
  return stored(localStorage, PAIRED, null);
}

export function unpair() {
  localStorage.removeItem(PAIRED);
  forget("pos.staff");
}

/** Who is signed in at this till, in this tab: {secret_key, staff, name, role, refund_max, expires_at}; null for nobody. */
export function signedIn() {
  const staff = read("pos.staff");
  return staff.secret_key && Date.parse(staff.expires_at) > Date.now() ? staff : null;
}

export function signOut() {
  forget("pos.staff");
}

/** What the till works with. `key` sells; `place` says where; `staff` who; a pasted key is the owner's. */
export function sessionOf(pasted, terminal, staff) {
  if (pasted.key) return { ...pasted, role: "owner", who: t("owner") };
  return {
    key: staff?.secret_key ?? terminal.secret_key, store: terminal.store, terminal: terminal.terminal, currency: pasted.currency,
    merchant: terminal.merchant, shop: terminal.name, place: `${terminal.store_name} · ${terminal.terminal_name}`, own: terminal.secret_key,
    role: staff?.role ?? "terminal", who: staff?.name ?? terminal.terminal_name, refundMax: staff?.refund_max ?? null,
  };
}

/** The code in what was typed, or read by a hand scanner off the owner's screen: there it is the end of a link. */
function codeIn(text) {
  return text.trim().split("pair=").at(-1);
}

/** The first screen of a device that is no till yet: the owner's code, or the shop's key. */
export function Welcome({ code, done, cancel }) {
  const [trouble, setTrouble] = useState(null);
  const [busy, setBusy] = useState(false);
  const was = paired();
  const pair = async (event) => {
    event.preventDefault();
    setBusy(true);
    setTrouble(null);
    try {
      const answer = await new Api().post("/v1/pairings", { code: codeIn(new FormData(event.target).get("code")) });
      forget("pos.staff");
      keep(localStorage, PAIRED, answer);
      done({});
    } catch (reason) {
      setBusy(false);
      setTrouble(reason);
    }
  };
  // Never by itself: a link that somebody sent must not make this the till of another shop.
  return html`<${Head} name=${t("pos")} />
    <section class="card welcome">
      <${Title}>${t("pair_title")}<//>
      <p>${t("pair_hint")}</p>
      ${was && html`<p class="notice">${t("pair_again", { shop: was.name, place: `${was.store_name} · ${was.terminal_name}` })}</p>`}
      <form onSubmit=${pair}>
        <label class="field big"><span>${t("pairing_code")}</span>
          <input name="code" defaultValue=${code ?? ""} required minlength="12" maxlength="512" autocomplete="off" autocapitalize="characters"
            spellcheck="false" placeholder="XXXX-XXXX-XXXX" /></label>
        <button class="first" disabled=${busy}>${t("pair_go")}</button>
      </form>
      <${Trouble} reason=${trouble} />
      ${cancel && html`<button type="button" class="quiet" onClick=${cancel}>${t("pair_not")}</button>`}
    </section>
    <details class="other-way"><summary>${t("with_key")}</summary>
      <${CredentialForm} title=${t("pos_welcome")} hint=${t("pos_key_hint")} quiet done=${(given) => { save("pos", given); done(given); }} fields=${[
        { name: "key", label: t("secret_key"), required: true, secret: true },
        { name: "store", label: t("store_id") },
        { name: "terminal", label: t("terminal_id") },
        { name: "currency", label: t("currency"), value: "CNY" },
      ]} />
    </details>`;
}

/** Number and code of somebody of the staff. Without anybody the till sells, and gives nothing back. */
export function SignIn({ terminal, done, alone, leave }) {
  const [trouble, setTrouble] = useState(null);
  const [busy, setBusy] = useState(false);
  const submit = async (event) => {
    event.preventDefault();
    const form = event.target;
    const { number, code } = Object.fromEntries(new FormData(form));
    setBusy(true);
    setTrouble(null);
    try {
      const staff = await new Api(terminal.secret_key).post("/v1/staff-sessions", { number: number.trim(), code: code.trim() });
      save("pos.staff", staff);
      done(staff);
    } catch (reason) {
      setBusy(false);
      form.elements.code.value = "";
      setTrouble(reason);
    }
  };
  const lost = trouble instanceof Problem && trouble.status === 401;
  return html`<${Head} name=${terminal.name} />
    <section class="card welcome">
      <${Title}>${t("sign_in")}<//>
      <p>${terminal.store_name} · ${terminal.terminal_name}${terminal.test ? ` · ${t("test_mode")}` : ""}</p>
      <form onSubmit=${submit}>
        <label class="field big"><span>${t("staff_number")}</span>
          <input name="number" required inputmode="numeric" pattern="[0-9]{1,6}" maxlength="6" autocomplete="off" /></label>
        <label class="field big pin"><span>${t("staff_code")}</span>
          <input name="code" type="password" required inputmode="numeric" pattern="[0-9]{6}" maxlength="6" autocomplete="off" /></label>
        <button class="first" disabled=${busy}>${t("sign_in")}</button>
      </form>
      <${Trouble} reason=${trouble} />
      ${lost && html`<p class="notice">${t("taken_away")}</p>`}
      <button type="button" class="second" onClick=${alone}>${t("sell_alone")}</button>
    </section>
    <p class="foot"><button type="button" class="quiet" onClick=${leave}>${t("pair_other")}</button></p>`;
}
