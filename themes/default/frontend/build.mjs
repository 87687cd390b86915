// The default theme: one style sheet and the Inter font.
import { bundle } from "@metropole/frontend/bundle.mjs";

await bundle({
  folder: import.meta.dirname,
  entries: ["src/theme.css"],
  out: "../metropole_theme_default/static/dist",
});
