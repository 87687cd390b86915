// A question before something that cannot be taken back.

import { make } from "./dom.ts";
import { t } from "./words.ts";

/** Ask; true when the person chose the action. Escape and a click beside it mean no. */
export function confirmed(sentence: string, action: string): Promise<boolean> {
  const no = make("button", { class: "btn", value: "no", autofocus: true }, t("Cancel"));
  const yes = make("button", { class: "btn danger", value: "yes" }, action);
  const dialog = make(
    "dialog",
    { class: "dialog", "aria-label": action },
    make("p", {}, sentence),
    make("form", { method: "dialog", class: "dialog-acts" }, no, yes),
  );
  document.body.append(dialog);
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close("no");
  });
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    });
  });
}
