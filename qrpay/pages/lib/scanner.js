// Three ways a text comes in: a camera, a picture, a hand scanner that types. Reading is done here, by zxing in WebAssembly.
import { prepareZXingModule, readBarcodes } from "../vendor/zxing-wasm/reader/index.js";
import { t } from "./lang.js";
import { html, useEffect, useRef, useState } from "./view.js";

const WASM = new URL("../vendor/zxing-wasm/reader/zxing_reader.wasm", import.meta.url).href;
const READING = { formats: ["QRCode", "Code128"], maxNumberOfSymbols: 1 };
const EVERY_MS = 120;
const SIDE_MAX = 960;

// The library would fetch its WebAssembly from a stranger's server; ours stands beside it.
prepareZXingModule({ overrides: { locateFile: () => WASM } });

/** The text of the first code in a picture file, or null. */
async function readPicture(file) {
  const found = await readBarcodes(file, { ...READING, tryHarder: true });
  return found.find((one) => one.isValid)?.text ?? null;
}

/** The camera's picture; calls `found(text)` once per code seen, until it is taken off the page. */
export function Camera({ found }) {
  const video = useRef(null);
  const [trouble, setTrouble] = useState(null);
  useEffect(() => {
    const ending = new AbortController();
    look(video.current, found, ending.signal).catch((reason) => setTrouble(reason.name ?? "NotFoundError"));
    return () => ending.abort();
  }, []);
  if (trouble) {
    return html`<p class="notice" role="status">${trouble === "NotAllowedError" ? t("camera_refused") : t("camera_missing")}</p>`;
  }
  return html`<div class="camera"><video ref=${video} muted playsinline aria-label=${t("camera_label")}></video><div class="aim"></div></div>`;
}

async function look(video, found, signal) {
  if (!navigator.mediaDevices) throw new DOMException("no camera", "NotFoundError");
  const stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment", width: { ideal: 1280 } }, audio: false });
  const stop = () => stream.getTracks().forEach((track) => track.stop());
  if (signal.aborted) return stop();
  signal.addEventListener("abort", stop);
  video.srcObject = stream;
  await video.play();
  const canvas = document.createElement("canvas");
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  for (let last = null; !signal.aborted; await new Promise((next) => setTimeout(next, EVERY_MS))) {
    if (!video.videoWidth) continue;
    const scale = Math.min(1, SIDE_MAX / Math.max(video.videoWidth, video.videoHeight));
    [canvas.width, canvas.height] = [video.videoWidth * scale, video.videoHeight * scale];
    pen.drawImage(video, 0, 0, canvas.width, canvas.height);
    const codes = await readBarcodes(pen.getImageData(0, 0, canvas.width, canvas.height), READING);
    const text = codes.find((one) => one.isValid)?.text;
    if (text && text !== last && !signal.aborted) {
      last = text;
      navigator.vibrate?.(40);
      found(text);
    }
  }
  return undefined;
}

/** Camera, pasted text and picture in one panel. `found(text)` gets whatever was read. */
export function ScanPanel({ found, hint }) {
  const [nothing, setNothing] = useState(false);
  const [camera, setCamera] = useState(Boolean(navigator.mediaDevices));
  const submit = (event) => {
    event.preventDefault();
    const text = new FormData(event.target).get("scanned").trim();
    if (text) found(text);
  };
  const picture = async (event) => {
    const [file] = event.target.files;
    if (!file) return;
    const text = await readPicture(file).catch(() => null);
    event.target.value = "";
    setNothing(text === null);
    if (text !== null) found(text);
  };
  return html`<div class="scan-panel">
    ${camera ? html`<${Camera} found=${found} />` : html`<button type="button" class="second" onClick=${() => setCamera(true)}>${t("camera_on")}</button>`}
    <form class="paste" onSubmit=${submit}>
      <label class="field"><span>${hint ?? t("paste_label")}</span>
        <input name="scanned" autocomplete="off" spellcheck="false" autocapitalize="off" enterkeyhint="go" required />
      </label>
      <button class="first">${t("paste_go")}</button>
    </form>
    <label class="second as-button"><span>${t("from_picture")}</span>
      <input type="file" accept="image/*" class="unseen" onChange=${picture} />
    </label>
    <p role="status">${nothing ? t("picture_nothing") : ""}</p>
  </div>`;
}

const FAST_MS = 100;
const SCAN_MIN = 12;

/**
 * Hear a hand scanner anywhere on the page: at least 12 keys, each within 100 ms of the last, then Enter → `scanned(text)`.
 * No key is held back to find out: outside text fields each goes to `typed(key)` at once, and `started()` is told before
 * the first of a run, so that what a scan typed can be taken back. Gives the way to stop.
 */
export function hearScanner({ scanned, typed, started }) {
  let [keys, last, field, before] = ["", 0, null, ""];
  const hear = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.key === "Shift") return;
    // The time of the key itself: a busy page may hear of it late.
    const quick = event.timeStamp - last < FAST_MS && !event.repeat;
    if (event.key === "Enter" && quick && keys.length >= SCAN_MIN) {
      event.preventDefault();
      event.stopPropagation();
      const text = keys;
      keys = "";
      if (field) restore(field, before);
      scanned(text);
      return;
    }
    if (event.key.length !== 1) {
      keys = "";
      // Enter on a button presses that button, and nothing else.
      const pressed = event.key === "Enter" && event.target.closest?.("button, a, summary");
      if (!textFieldOf(event.target) && !pressed && ["Backspace", "Escape", "Enter"].includes(event.key)) typed(event.key);
      return;
    }
    if (!quick || keys === "") {
      [keys, field] = ["", textFieldOf(event.target)];
      before = field?.value ?? "";
      started();
    }
    keys += event.key;
    last = event.timeStamp;
    if (field) return;
    // A space would press the button that has the focus in the middle of a scan.
    if (event.key !== " " || keys.length > 1) event.preventDefault();
    typed(event.key);
  };
  document.addEventListener("keydown", hear, true);
  return () => document.removeEventListener("keydown", hear, true);
}

function textFieldOf(element) {
  return element?.matches?.("input:not([type=file]), textarea, select") ? element : null;
}

// What the scanner typed into a field is taken out again: it was not meant for it.
function restore(field, value) {
  field.value = value;
  field.dispatchEvent(new Event("input", { bubbles: true }));
}
