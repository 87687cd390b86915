// Things that work only with scripts are rendered hidden; scripts show them.

export function reveal(root: ParentNode): void {
  for (const element of root.querySelectorAll<HTMLElement>("[data-needs-script]")) {
    // The chat shows its own form when it knows that the person may speak.
    if (!element.matches(".chat-form")) element.hidden = false;
  }
}
