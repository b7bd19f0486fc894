// What the bank has signed about a statement: opened by the code on a monthly one, whose fragment holds the signature.
import { Api } from "./lib/api.js";
import { language, t } from "./lib/lang.js";
import { money } from "./lib/money.js";
import { Head, html, Icon, mount, Title, Trouble, useEffect, useState } from "./lib/view.js";

const api = new Api();
const DIGITS_OF_BYTE = 2;

function Verify() {
  const [signed, setSigned] = useState(location.hash.slice(1));
  const [claims, setClaims] = useState(null);
  const [trouble, setTrouble] = useState(null);
  useEffect(() => {
    const changed = () => setSigned(location.hash.slice(1));
    addEventListener("hashchange", changed);
    return () => removeEventListener("hashchange", changed);
  }, []);
  useEffect(() => {
    setClaims(null);
    setTrouble(null);
    if (!signed) return undefined;
    const ending = new AbortController();
    api.post("/v1/statements/verify", { statement: signed }, { signal: ending.signal })
      .then(setClaims, (reason) => ending.signal.aborted || setTrouble(reason));
    return () => ending.abort();
  }, [signed]);

  const paste = (event) => {
    event.preventDefault();
    location.hash = new FormData(event.target).get("signature").trim();
  };
  return html`<${Head} name=${t("verify")} />
    ${claims && html`<${Signed} claims=${claims} />`}
    ${trouble && html`<${Title}>${t("verify_fails")}<//><${Trouble} reason=${trouble} />`}
    ${signed && !claims && !trouble && html`<p class="notice" role="status">${t("verifying")}</p>`}
    ${!claims && html`<section class="card">
      ${!signed && html`<${Title}>${t("verify")}<//>`}
      <p>${t("verify_hint")}</p>
      <form onSubmit=${paste}>
        <label class="field"><span>${t("verify_paste")}</span>
          <textarea name="signature" rows="5" required maxlength="2048" spellcheck="false" autocapitalize="off" autocomplete="off"></textarea></label>
        <button class="first">${t("verify_go")}</button>
      </form>
    </section>`}`;
}

function Signed({ claims }) {
  const sum = (amount) => money(amount, claims.currency, language());
  const facts = [
    ["verify_merchant", claims.name], ["verify_period", claims.period], ["verify_opening", sum(claims.opening)],
    ["verify_credits", sum(claims.credits)], ["verify_debits", sum(claims.debits)], ["verify_closing", sum(claims.closing)],
  ];
  return html`<section class="card verified" data-verified=${claims.period}>
    <p class="badge good"><${Icon} name="shield" />${claims.iss}</p>
    <${Title}>${t("verify_holds")}<//>
    <p>${t("verify_look")}</p>
    <dl>${facts.map(([name, value]) => html`<dt>${t(name)}</dt><dd>${value}</dd>`)}</dl>
    <dl class="fine">
      <dt>${t("verify_id")}</dt><dd class="id">${claims.sub}</dd>
      <dt>${t("verify_file")}</dt><dd>${claims.file}</dd>
      <dt>${t("verify_digest")}</dt><dd class="id">${claims.sha256}</dd>
    </dl>
    ${crypto.subtle && html`<${Compare} sha256=${claims.sha256} />`}
  </section>`;
}

/** Whether a file on this device is the one that was signed; it is not sent anywhere. */
function Compare({ sha256 }) {
  const [same, setSame] = useState(null);
  const chosen = async (event) => {
    const file = event.target.files[0];
    if (!file) return;
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", await file.arrayBuffer()));
    setSame([...digest].map((byte) => byte.toString(16).padStart(DIGITS_OF_BYTE, "0")).join("") === sha256);
  };
  return html`<label class="field"><span>${t("verify_compare")}</span><input type="file" onChange=${chosen} /></label>
    <p role="status" class=${same ? "notice" : "notice bad"}>${same === null ? "" : t(same ? "verify_same" : "verify_other")}</p>`;
}

mount(Verify);
