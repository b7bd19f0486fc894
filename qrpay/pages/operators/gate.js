// Sign-in by password and code or by a passkey, and the first time: a password and the authenticator.
import { t } from "../lib/lang.js";
import { QrCode } from "../lib/draw.js";
import { html, Title, Trouble, useEffect, useState } from "../lib/view.js";
import { signInByPasskey } from "./passkeys.js";

/** A form's values, trimmed but for the password. */
export function valuesOf(form) {
  return Object.fromEntries([...new FormData(form)].map(([name, value]) => [name, name === "password" ? value : value.trim()]));
}

/** Runs one thing at a time and keeps what went wrong: [run, busy, trouble]. */
export function useWork() {
  const [busy, setBusy] = useState(false);
  const [trouble, setTrouble] = useState(null);
  const run = async (work) => {
    setBusy(true);
    setTrouble(null);
    try {
      return await work();
    } catch (reason) {
      setTrouble(reason);
      return undefined;
    } finally {
      setBusy(false);
    }
  };
  return [run, busy, trouble];
}

function Totp() {
  return html`<label class="field pin"><span>${t("op_totp")}</span>
    <input name="totp" required pattern="[0-9]{6}" maxlength="6" inputmode="numeric" autocomplete="one-time-code" /></label>`;
}

export function SignIn({ api, done }) {
  const [run, busy, trouble] = useWork();
  const submit = (event) => {
    event.preventDefault();
    const form = event.target;
    run(async () => done(await api.post("/v1/operators/sessions", valuesOf(form))));
  };
  return html`<section class="card welcome">
    <${Title}>${t("op_sign_in")}<//>
    <form onSubmit=${submit}>
      <label class="field"><span>${t("op_name")}</span>
        <input name="name" required maxlength="64" autocomplete="username" autocapitalize="off" spellcheck="false" /></label>
      <label class="field"><span>${t("op_password")}</span>
        <input name="password" type="password" required maxlength="256" autocomplete="current-password" /></label>
      <${Totp} />
      <button class="first" disabled=${busy}>${t("op_sign_in_go")}</button>
    </form>
    ${"credentials" in navigator && html`<button type="button" class="second" disabled=${busy}
      onClick=${() => run(async () => done(await signInByPasskey(api)))}>${t("op_passkey")}</button>`}
    <${Trouble} reason=${trouble} />
  </section>`;
}

export function Enrol({ api, link, done, cancel }) {
  const [run, busy, trouble] = useWork();
  const [invited, setInvited] = useState(null);
  useEffect(() => { run(async () => setInvited(await api.post("/v1/operators/enrolments/read", { enrolment: link }))); }, [link]);
  const submit = (event) => {
    event.preventDefault();
    const form = event.target;
    run(async () => done(await api.post("/v1/operators/enrolments", { enrolment: link, ...valuesOf(form) })));
  };
  return html`<section class="card welcome">
    ${invited && html`<${Title}>${t("op_enrol_title", { name: invited.name })}<//>
      <p>${t("op_enrol_hint", { role: t(`role_${invited.role}`) })}</p>
      <${QrCode} text=${invited.totp_uri} label=${t("op_totp")} />
      <p class="fine">${t("op_enrol_secret")}: <span class="id" data-secret=${invited.totp_secret}>${invited.totp_secret}</span></p>
      <form onSubmit=${submit}>
        <label class="field"><span>${t("op_enrol_password")}</span>
          <input name="password" type="password" required minlength="12" maxlength="256" autocomplete="new-password" /></label>
        <${Totp} />
        <button class="first" disabled=${busy}>${t("op_enrol_go")}</button>
      </form>`}
    <${Trouble} reason=${trouble} />
    <button type="button" class="quiet" onClick=${cancel}>${t("op_sign_in")}</button>
  </section>`;
}
