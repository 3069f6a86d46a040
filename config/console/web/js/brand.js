// How the operator wants the console called.

import { h, safeURL } from "./dom.js";

const own = document.querySelector("link[rel=icon]")?.href ?? "";

// read asks the server. Without an answer it is Tidings.
export async function read() {
  try {
    const answer = await fetch("/console.json", { signal: AbortSignal.timeout(5000), credentials: "omit" });
    return { name: "Tidings", ...(await answer.json()) };
  } catch {
    return { name: "Tidings" };
  }
}

export function brand(settings, href) {
  const logo = settings.logo && safeURL(settings.logo) ? settings.logo : own;
  return h(href ? "a" : "div", { class: "brand", href }, h("img", { src: logo, alt: "", width: "24", height: "24" }), h("span", null, settings.name));
}

// paint uses the operator's colour: for what is filled if text on it can be read,
// for text only where it can be read on the page.
export function paint(settings) {
  if (!/^#[0-9a-f]{6}$/i.test(settings.accent ?? "")) return;
  const root = document.documentElement.style;
  const light = luminance(settings.accent);
  root.setProperty("--accent-fill", settings.accent);
  root.setProperty("--on-accent", contrast(light, 1) >= contrast(light, 0) ? "#ffffff" : "#000000");
  const text = () => {
    const styles = getComputedStyle(document.documentElement);
    root.removeProperty("--accent");
    const surface = [styles.getPropertyValue("--bg"), styles.getPropertyValue("--surface"), styles.getPropertyValue("--accent-soft")];
    if (surface.every((s) => contrast(light, luminance(s.trim())) >= 4.5)) root.setProperty("--accent", settings.accent);
  };
  text();
  addEventListener("tidings:theme", text);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", text);
}

// luminance and contrast are WCAG's.
function luminance(hex) {
  const [r, g, b] = [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16) / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

const contrast = (a, b) => (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
