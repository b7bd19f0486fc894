// Codes as pictures, drawn here so that a payload never leaves the page: QR in byte mode, Code 128 set C for digits.
import { qrcode } from "../vendor/qrcode-generator/qrcode.js";
import { html, useMemo } from "./view.js";

const QUIET = 4;
const utf8 = new TextEncoder();
qrcode.stringToBytes = (text) => Array.from(utf8.encode(text));

/** The dark modules of a QR code as one SVG path, and its side in modules with the quiet zone. */
function qrPath(text, correction = "M") {
  const symbol = qrcode(0, correction);
  symbol.addData(text, "Byte");
  symbol.make();
  const size = symbol.getModuleCount();
  let path = "";
  for (let row = 0; row < size; row += 1) {
    for (let column = 0, start = -1; column <= size; column += 1) {
      const dark = column < size && symbol.isDark(row, column);
      if (dark && start < 0) start = column;
      if (!dark && start >= 0) {
        path += `M${start + QUIET} ${row + QUIET}h${column - start}v1h${start - column}z`;
        start = -1;
      }
    }
  }
  return { path, side: size + 2 * QUIET };
}

/** Long payloads at level L stay coarse enough for a cheap camera; short ones afford M. */
export function QrCode({ text, label, className = "" }) {
  const { path, side } = useMemo(() => qrPath(text, text.length > 300 ? "L" : "M"), [text]);
  return html`<svg class="qr ${className}" viewBox="0 0 ${side} ${side}" role="img" aria-label=${label} shape-rendering="crispEdges">
    <rect width=${side} height=${side} fill="#fff" /><path d=${path} fill="#000" />
  </svg>`;
}

// Widths of bars and spaces, ISO/IEC 15417 table 1: one string of six digits a symbol value, 0 to 105; the stop has seven.
const WIDTHS = (
  "212222 222122 222221 121223 121322 131222 122213 122312 132212 221213 221312 231212 112232 122132 122231 113222 123122 123221 " +
  "223211 221132 221231 213212 223112 312131 311222 321122 321221 312212 322112 322211 212123 212321 232121 111323 131123 131321 " +
  "112313 132113 132311 211313 231113 231311 112133 112331 132131 113123 113321 133121 313121 211331 231131 213113 213311 213131 " +
  "311123 311321 331121 312113 312311 332111 314111 221411 431111 111224 111422 121124 121421 141122 141221 112214 112412 122114 " +
  "122411 142112 142211 241211 221114 413111 241112 134111 111242 121142 121241 114212 124112 124211 411212 421112 421211 212141 " +
  "214121 412121 111143 111341 131141 114113 114311 411113 411311 113141 114131 311141 411131 211412 211214 211232"
).split(" ");
const [CODE_B, START_C, STOP] = [100, 105, "2331112"];

/** Symbol values of Code 128 for digits: set C by pairs, a last single digit in set B; with check value. */
function code128Values(digits) {
  const values = [START_C, ...(digits.match(/\d\d/g) ?? []).map(Number)];
  if (digits.length % 2 === 1) values.push(CODE_B, digits.charCodeAt(digits.length - 1) - 32);
  return [...values, values.reduce((sum, value, place) => sum + value * Math.max(1, place), 0) % 103];
}

export function Bars({ digits, label }) {
  const { path, width } = useMemo(() => {
    let [at, drawn] = [10, ""];
    const widths = code128Values(digits).map((value) => WIDTHS[value]).join("") + STOP;
    [...widths].forEach((step, place) => {
      if (place % 2 === 0) drawn += `M${at} 0h${step}v40h-${step}z`;
      at += Number(step);
    });
    return { path: drawn, width: at + 10 };
  }, [digits]);
  return html`<svg class="bars" viewBox="0 0 ${width} 40" preserveAspectRatio="none" role="img" aria-label=${label}>
    <rect width=${width} height="40" fill="#fff" /><path d=${path} fill="#000" />
  </svg>`;
}
