// The till says aloud what was paid, so that the shop need not look; a chime stands in where no voice is installed.
import { decimalText, exponentOf, money } from "./money.js";
import { language, t } from "./lang.js";

let sound = null;

/** Browsers allow sound only after a touch or a key: call this from one. */
export function unlockSound() {
  if (sound || !globalThis.AudioContext) return;
  sound = new AudioContext();
  sound.resume().catch(() => {});
}

/** Two rising notes. */
function chime() {
  if (!sound) return;
  [[660, 0], [990, 0.14]].forEach(([pitch, after]) => {
    const [tone, volume, at] = [sound.createOscillator(), sound.createGain(), sound.currentTime + after];
    tone.frequency.value = pitch;
    volume.gain.setValueAtTime(0.001, at);
    volume.gain.exponentialRampToValueAtTime(0.3, at + 0.02);
    volume.gain.exponentialRampToValueAtTime(0.001, at + 0.35);
    tone.connect(volume).connect(sound.destination);
    tone.start(at);
    tone.stop(at + 0.4);
  });
}

/** The sentence spoken for an amount: "收款12.5元", "Received 12.50 Chinese yuan". */
function sentenceOf(amount, currency) {
  const [whole, part = ""] = decimalText(amount, exponentOf(currency)).split(".");
  const plain = part.replace(/0+$/, "") ? `${whole}.${part.replace(/0+$/, "")}` : whole;
  const spoken = language() === "zh" && currency === "CNY" ? `${plain}元` : money(amount, currency, language(), "name");
  return t("spoken_received", { amount: spoken });
}

/** Chime, then say it. Gives the sentence, for the page to show as well. */
export function announce(amount, currency) {
  const sentence = sentenceOf(amount, currency);
  chime();
  const voices = globalThis.speechSynthesis;
  if (voices) {
    const words = new SpeechSynthesisUtterance(sentence);
    words.lang = language() === "zh" ? "zh-CN" : "en-US";
    voices.cancel();
    voices.speak(words);
  }
  return sentence;
}
