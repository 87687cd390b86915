// Copy buttons and sharing.

import { post } from "./forms.ts";
import { toast } from "./toast.ts";
import { t } from "./words.ts";

export function startClipboard(): void {
  document.addEventListener("click", (event) => {
    const target = event.target as Element;
    const copying = target.closest?.<HTMLElement>("[data-copy]");
    if (copying) void copyField(copying.dataset.copy ?? "");
    const sharing = target.closest?.<HTMLElement>("[data-share]");
    if (sharing) void share(sharing.dataset.share ?? location.href);
  });
}

async function copyField(selector: string): Promise<void> {
  const input = document.querySelector<HTMLInputElement>(selector);
  if (input === null) return;
  try {
    const text = input.value || (await hidden(input));
    if (await copy(text)) toast(t("Copied"), "good");
    else {
      input.select();
      toast(t("Press Ctrl+C to copy"));
    }
  } catch {
    toast(t("That did not work. Reload the page and try again."), "bad");
  }
}

/** A secret is not in the page: fetch it with the form that shows it, and leave it covered. */
async function hidden(input: HTMLInputElement): Promise<string> {
  const button = document.querySelector<HTMLButtonElement>(`[aria-controls="${input.id}"]`);
  if (!button?.form) return "";
  return (await post<{ key: string }>(button.form, button)).body.key;
}

async function share(url: string): Promise<void> {
  if (navigator.share !== undefined && matchMedia("(pointer: coarse)").matches) {
    try {
      await navigator.share({ url, title: document.title });
    } catch {
      // Closing the sheet is no error.
    }
    return;
  }
  if (await copy(url)) toast(t("Link copied"), "good");
  else toast(url);
}

async function copy(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text); // missing on plain HTTP other than localhost
    return true;
  } catch {
    return copyBySelection(text);
  }
}

function copyBySelection(text: string): boolean {
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "sr-only";
  area.readOnly = true;
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  return done;
}
