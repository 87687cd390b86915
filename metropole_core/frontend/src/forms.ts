// Forms that work without scripts, made quicker with them. A form that fails here is posted the
// plain way, so that the server's own page explains what is wrong.

import { confirmed } from "./dialog.ts";
import { make, setIcon } from "./dom.ts";
import { page } from "./page.ts";
import { toast } from "./toast.ts";
import { t } from "./words.ts";

type Enhancement = (form: HTMLFormElement, button: HTMLButtonElement | null) => Promise<void>;

const ENHANCEMENTS: Record<string, Enhancement> = {
  follow,
  reveal,
  mode,
  confirm,
  show,
};

export function startForms(): void {
  document.addEventListener("submit", (event) => {
    const form = event.target as HTMLFormElement;
    const enhance = ENHANCEMENTS[form.dataset.enhance ?? ""];
    if (enhance === undefined || form.dataset.plain !== undefined) return;
    event.preventDefault();
    if (form.getAttribute("aria-busy") === "true") return;
    const button = event.submitter instanceof HTMLButtonElement ? event.submitter : null;
    form.setAttribute("aria-busy", "true");
    enhance(form, button)
      .catch(() => plainly(form, button))
      .finally(() => form.removeAttribute("aria-busy"));
  });
}

function plainly(form: HTMLFormElement, button: HTMLButtonElement | null): void {
  form.dataset.plain = "";
  form.requestSubmit(button);
}

/** Post a form and get JSON. Throws when the answer is something else. */
export async function post<T>(
  form: HTMLFormElement,
  button: HTMLButtonElement | null,
): Promise<{ ok: boolean; body: T }> {
  const answer = await fetch(form.action, {
    method: "POST",
    body: new URLSearchParams(new FormData(form, button) as unknown as Record<string, string>),
    headers: { Accept: "application/json" },
    signal: AbortSignal.timeout(10_000),
  });
  if (!answer.ok && answer.status !== 422) throw new Error(`status ${answer.status}`);
  return { ok: answer.ok, body: (await answer.json()) as T };
}

async function follow(form: HTMLFormElement, button: HTMLButtonElement | null): Promise<void> {
  const { body } = await post<{ following: boolean; followers: number }>(form, button);
  const pressed = button ?? form.querySelector("button");
  if (pressed === null) return;
  form.action = form.action.replace(/\/(un)?follow$/, body.following ? "/unfollow" : "/follow");
  pressed.setAttribute("aria-pressed", String(body.following));
  pressed.classList.toggle("main", !body.following);
  setIcon(pressed, body.following ? "heart-filled" : "heart");
  const words = pressed.querySelector("span");
  if (words) words.textContent = body.following ? t("Following") : t("Follow");
  for (const count of document.querySelectorAll("[data-followers]")) {
    count.textContent = body.followers.toLocaleString(page.language);
  }
}

async function reveal(form: HTMLFormElement, button: HTMLButtonElement | null): Promise<void> {
  const id = button?.getAttribute("aria-controls") ?? "";
  const input = document.getElementById(id) as HTMLInputElement | null;
  if (input === null || button === null) throw new Error("nothing to reveal");
  const shown = input.value !== "";
  input.value = shown ? "" : (await post<{ key: string }>(form, button)).body.key;
  setIcon(button, shown ? "eye" : "eye-off");
  const words = button.querySelector("span");
  if (words) words.textContent = shown ? t("Show") : t("Hide");
}

/** What a form fetches, shown in a field of the page instead of on a page of its own. */
async function show(form: HTMLFormElement): Promise<void> {
  const into = document.getElementById(form.dataset.into ?? "") as HTMLTextAreaElement | null;
  if (into === null) throw new Error("nowhere to show it");
  const query = new URLSearchParams(new FormData(form) as unknown as Record<string, string>);
  const answer = await fetch(`${form.action}?${query}`, { signal: AbortSignal.timeout(10_000) });
  if (!answer.ok) throw new Error(`status ${answer.status}`);
  into.value = await answer.text();
  const field = into.closest<HTMLElement>("[hidden]");
  if (field) field.hidden = false;
  into.focus();
  into.select();
}

interface ModeAnswer {
  enabled?: boolean;
  errors?: Record<string, string>;
}

async function mode(form: HTMLFormElement, button: HTMLButtonElement | null): Promise<void> {
  const { ok, body } = await post<ModeAnswer>(form, button);
  for (const old of form.querySelectorAll(".field-error")) old.remove();
  for (const field of form.querySelectorAll("[aria-invalid]"))
    field.removeAttribute("aria-invalid");
  if (!ok || body.enabled === undefined) {
    showErrors(form, body.errors ?? {});
    return;
  }
  for (const one of form.querySelectorAll<HTMLButtonElement>("button[name=enabled]")) {
    const isSwitch = one.getAttribute("role") === "switch";
    if (isSwitch) one.setAttribute("aria-checked", String(body.enabled));
    one.value = body.enabled !== isSwitch ? "on" : "off";
  }
  if (button?.getAttribute("role") !== "switch") toast(t("Saved"), "good");
}

function showErrors(form: HTMLFormElement, errors: Record<string, string>): void {
  for (const [name, sentence] of Object.entries(errors)) {
    const field = form.querySelector<HTMLElement>(`[data-field="${CSS.escape(name)}"]`);
    const input = field?.querySelector<HTMLElement>("input, select, textarea");
    input?.setAttribute("aria-invalid", "true");
    input?.focus();
    (field ?? form).append(make("p", { class: "field-error", role: "alert" }, sentence));
  }
}

async function confirm(form: HTMLFormElement, button: HTMLButtonElement | null): Promise<void> {
  const action = button?.textContent?.trim() || t("Continue");
  if (!(await confirmed(form.dataset.confirm ?? "", action))) return;
  form.append(make("input", { type: "hidden", name: "confirm", value: "yes" }));
  plainly(form, button);
}
