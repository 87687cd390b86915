// The core's scripts: main.ts on every page, the player only where one is (it is imported lazily).
import { bundle } from "./bundle.mjs";

await bundle({
  folder: import.meta.dirname,
  entries: ["src/main.ts", "src/base.css"],
  out: "../static/dist",
});
