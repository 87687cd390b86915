// How a person likes the pages: kept in a cookie that the server reads, so that the next page is
// rendered right at once.

import { setIcon } from "./dom.ts";
import { parsePreferences, writePreferences } from "./preferences-cookie.ts";
import { t } from "./words.ts";

const COOKIE = "metropole_ui";
const YEAR = 31_536_000;

type Key = "scheme" | "rail" | "chat" | "theatre";

const VALUES: Record<Key, readonly [string, string]> = {
  scheme: ["dark", "light"],
  rail: ["wide", "narrow"],
  chat: ["shown", "hidden"],
  theatre: ["off", "on"],
};

/** The value in force, whether chosen or by default. */
export function preference(key: Key): string {
  const value = document.documentElement.dataset[key];
  if (value !== undefined) return value;
  if (key === "scheme")
    return matchMedia("(prefers-color-scheme: light)").matches ? "light" : "dark";
  return VALUES[key][0];
}

export function setPreference(key: Key, value: string): void {
  document.documentElement.dataset[key] = value;
  const kept = parsePreferences(cookie());
  kept.set(key, value);
  const secure = location.protocol === "https:" ? "; Secure" : "";
  // biome-ignore lint/suspicious/noDocumentCookie: the Cookie Store API is missing in Firefox
  document.cookie = `${COOKIE}=${writePreferences(kept)}; Path=/; SameSite=Lax; Max-Age=${YEAR}${secure}`;
  sync();
  document.dispatchEvent(new CustomEvent("metropole:preference", { detail: { key, value } }));
}

export function togglePreference(key: Key): void {
  const [first, second] = VALUES[key];
  setPreference(key, preference(key) === first ? second : first);
}

function cookie(): string {
  const pair = document.cookie.split("; ").find((part) => part.startsWith(`${COOKIE}=`));
  return pair?.slice(COOKIE.length + 1) ?? "";
}

/** Buttons say what pressing them does now. */
function sync(): void {
  for (const button of document.querySelectorAll<HTMLButtonElement>("[data-toggle]")) {
    const key = button.dataset.toggle as Key;
    const [first, second] = VALUES[key] ?? [];
    if (first === undefined || second === undefined) continue;
    const now = preference(key);
    if (key !== "rail") continue; // there is a button for each scheme; CSS shows the other one
    button.value = now === first ? second : first;
    setIcon(button, now === "narrow" ? "hide" : "show");
    button.setAttribute(
      "aria-label",
      now === "narrow" ? t("Widen the sidebar") : t("Narrow the sidebar"),
    );
  }
}

export function startPreferences(): void {
  sync();
  document.addEventListener("click", (event) => {
    const button = (event.target as Element).closest?.<HTMLElement>("[data-toggle]");
    const key = button?.dataset.toggle as Key | undefined;
    if (key === undefined || VALUES[key] === undefined) return;
    event.preventDefault(); // those in forms work without script by posting
    const value = button instanceof HTMLButtonElement ? button.value : "";
    if (key === "scheme" && VALUES.scheme.includes(value)) setPreference(key, value);
    else togglePreference(key);
  });
}
