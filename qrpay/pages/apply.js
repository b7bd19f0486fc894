// Apply to become a merchant: a form that the server keeps as it grows, then how it stands, and at the end the first key.
import { Api, Problem } from "./lib/api.js";
import { language, t } from "./lib/lang.js";
import { keep, stored } from "./lib/session.js";
import { Copyable, Head, html, Icon, mount, Title, Trouble, useEffect, useState } from "./lib/view.js";

const PLACE = "qrpay.application"; // in localStorage: an application takes days, and is gone on with on this device
const ALL = "/v1/merchant-applications";
const OPEN = ["draft", "more_needed"];
const PLAIN = [
  ["legal_name", { maxlength: 70, autocomplete: "organization" }],
  ["uscc", { maxlength: 18, autocapitalize: "characters" }],
  ["short_name", { maxlength: 64 }],
  ["name_latin", { maxlength: 25, pattern: "[ -~]+" }],
  ["city", { maxlength: 15, pattern: "[ -~]+" }],
  ["mcc", { maxlength: 4, inputmode: "numeric", pattern: "[0-9]{4}" }],
];
const GROUPS = {
  contact: [["name", { autocomplete: "name" }], ["phone", { inputmode: "tel", maxlength: 11, autocomplete: "tel-national" }],
    ["email", { type: "email", autocomplete: "email" }]],
  payout: [["name", { maxlength: 70 }], ["account", { inputmode: "numeric", maxlength: 32 }],
    ["bank", { inputmode: "numeric", maxlength: 12 }]],
};
const PAPERS = ["business_licence", "legal_person_id", "account_proof", "other"];

/** What stands in the form: what is left empty is not said, and a group is said whole or not at all. */
function said(form) {
  const given = Object.fromEntries([...new FormData(form)].filter(([, value]) => typeof value === "string" && value.trim() !== "")
    .map(([name, value]) => [name, value.trim()]));
  const fields = Object.fromEntries(PLAIN.filter(([name]) => given[name]).map(([name]) => [name, given[name]]));
  if (fields.uscc) fields.uscc = fields.uscc.toUpperCase();
  for (const [group, parts] of Object.entries(GROUPS)) {
    if (parts.some(([name]) => given[`${group}.${name}`])) {
      fields[group] = Object.fromEntries(parts.map(([name]) => [name, given[`${group}.${name}`] ?? ""]));
    }
  }
  return fields;
}

/** The application of this device, begun when there is none: the same random key until it is known to be there. */
async function begun(mine) {
  if (mine.token) return mine;
  const key = mine.key ?? [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  keep(localStorage, PLACE, { key });
  const { id, token } = await new Api().post(ALL, {}, { key });
  keep(localStorage, PLACE, { id, token });
  return { id, token };
}

function Field({ name, label, hint, value, more }) {
  return html`<label class="field"><span>${label}</span>
    <input name=${name} defaultValue=${value ?? ""} spellcheck="false" ...${more} />
    ${hint && html`<span class="fine">${hint}</span>`}</label>`;
}

function Form({ one, busy, save }) {
  const go = (event) => {
    event.preventDefault();
    const form = event.target;
    const files = PAPERS.flatMap((kind) => [...form.elements[`paper.${kind}`].files].map((file) => [kind, file]));
    save(said(form), files, event.submitter?.value === "submit");
  };
  const masked = (group, name) => (one?.[group] ? t("apply_kept", { value: one[group][name] }) : undefined);
  return html`<form onSubmit=${go} novalidate>
    <section class="card says"><h2>${t("apply_company")}</h2>
      ${PLAIN.map(([name, more]) => html`<${Field} key=${name} name=${name} label=${t(`apply_${name}`)} hint=${t(`apply_${name}_hint`)}
        value=${one?.[name]} more=${more} />`)}
    </section>
    ${Object.entries(GROUPS).map(([group, parts]) => html`<section class="card says" key=${group}><h2>${t(`apply_${group}`)}</h2>
      ${parts.map(([name, more]) => html`<${Field} key=${name} name=${`${group}.${name}`} label=${t(`apply_${group}_${name}`)}
        hint=${masked(group, name)} more=${more} />`)}
    </section>`)}
    <section class="card says"><h2>${t("apply_papers")}</h2><p class="fine">${t("apply_papers_hint")}</p>
      ${PAPERS.map((kind) => html`<label class="field" key=${kind}><span>${t(`paper_${kind}`)}</span>
        <input type="file" name=${`paper.${kind}`} accept="application/pdf,image/png,image/jpeg" />
        ${one?.papers.some((paper) => paper.kind === kind) && html`<span class="verdict good"><${Icon} name="check" />${t("apply_paper_there")}</span>`}
      </label>`)}
    </section>
    <button class="first wide" value="submit" disabled=${busy}>${busy ? t("loading") : t("apply_submit")}</button>
    <button class="second wide" value="save" disabled=${busy}>${t("apply_save")}</button>
  </form>`;
}

/** What was found out, each with its result in words; `only` one result. */
function Checks({ checks, only }) {
  const listed = checks.filter((check) => !only || check.result === only);
  if (listed.length === 0) return null;
  return html`<section class="card says" role=${only && "alert"}><h2>${t(only ? "apply_to_mend" : "apply_checks")}</h2>
    <ul class="rows">${listed.map((check) => html`<li key=${check.name}><div class="row"><span><strong>${t(`check_${check.name}`)}</strong>
      <span class="fine">${language() === "zh" ? check.zh : check.en}</span></span>
      ${!only && html`<span class="badge">${t(`result_${check.result}`)}</span>`}</div></li>`)}</ul>
  </section>`;
}

/** The first key of a merchant: fetched by a press, and on the screen this once. */
function FirstKey({ api, path, test }) {
  const [key, setKey] = useState(null);
  const [trouble, setTrouble] = useState(null);
  const fetchKey = () => api.post(`${path}/keys`, { test }).then(setKey, setTrouble);
  return html`<section class="card says"><h2>${t(test ? "apply_test_key" : "apply_live_key")}</h2>
    <p class="fine">${t("apply_key_once")}</p>
    ${key
      ? html`<p class="id" role="status">${key.merchant}</p><${Copyable} text=${key.secret_key} label=${t("apply_key_text")} />`
      : html`<button type="button" class="second" onClick=${fetchKey}>${t("apply_fetch_key")}</button>`}
    <${Trouble} reason=${trouble} /></section>`;
}

function State({ one, api, path, again, leave }) {
  return html`<section class="card says" data-status=${one.status}><p role="status"><strong>${t(`apply_is_${one.status}`)}</strong></p>
      <p class="fine">${one.legal_name} · <span class="id">${one.id}</span></p>
      ${one.reason && html`<p class="notice">${one.reason}</p>`}
      <button type="button" class="second" onClick=${again}>${t("apply_look_again")}</button>
    </section>
    ${one.merchant && html`<${FirstKey} api=${api} path=${path} test=${false} />`}
    ${one.test_merchant && one.status !== "rejected" && html`<${FirstKey} api=${api} path=${path} test=${true} />`}
    <${Checks} checks=${one.checks} />
    ${one.status === "rejected" && html`<button type="button" class="first wide" onClick=${leave}>${t("apply_anew")}</button>`}`;
}

function Apply() {
  const [mine, setMine] = useState(() => stored(localStorage, PLACE, {}));
  const [one, setOne] = useState(null);
  const [busy, setBusy] = useState(false);
  const [trouble, setTrouble] = useState(null);
  const [saved, setSaved] = useState(0); // a new form after each save: files that were sent are not sent again
  const api = new Api(mine.token ?? null), path = `${ALL}/${mine.id}`;
  const leave = () => { localStorage.removeItem(PLACE); setMine({}); setOne(null); setTrouble(null); setSaved(0); };

  async function doing(work) {
    setBusy(true);
    setTrouble(null);
    try {
      await work();
    } catch (reason) {
      if (reason instanceof Problem && reason.status === 404) leave(); // a draft that was forgotten
      else if (reason.code !== "application_not_ready") setTrouble(reason); // what is to be mended stands above the form
    }
    setBusy(false);
  }
  const look = () => doing(async () => setOne(await api.get(path)));
  useEffect(() => { if (mine.token && !one) look(); }, []);

  const save = (fields, files, submit) => doing(async () => {
    const known = await begun(mine);
    setMine(known);
    const door = new Api(known.token), own = `${ALL}/${known.id}`;
    let now = await door.call("PATCH", own, { body: fields });
    for (const [kind, file] of files) await door.call("POST", `${own}/papers?kind=${kind}`, { file, timeout: 120_000 });
    try {
      if (submit) await door.post(`${own}/submit`);
    } finally {
      now = await door.get(own);
      setOne(now);
      setSaved((count) => count + 1);
      scrollTo({ top: 0 });
    }
  });

  const failed = one?.checks.some((check) => check.result === "failed");
  const open = !one || OPEN.includes(one.status);
  return html`<${Head} name="qrpay">${mine.token && html`<button type="button" class="quiet" onClick=${() => confirm(t("apply_leave_sure")) && leave()}>${t("leave")}</button>`}<//>
    <${Title}>${t("apply")}<//>
    <p class="fine">${t(open ? "apply_hint" : "apply_hint_after")}</p>
    <${Trouble} reason=${trouble} />
    ${one?.reason && open && html`<p class="notice" role="status">${one.reason}</p>`}
    ${open && one && html`<${Checks} checks=${one.checks} only="failed" />`}
    ${open && saved > 0 && !trouble && !failed && html`<p class="notice" role="status">${t("apply_saved")}</p>`}
    ${open
      ? (one || !mine.token) && html`<${Form} key=${`${mine.id}.${saved}`} one=${one} busy=${busy} save=${save} />`
      : html`<${State} one=${one} api=${api} path=${path} again=${look} leave=${leave} />`}`;
}

mount(Apply);
