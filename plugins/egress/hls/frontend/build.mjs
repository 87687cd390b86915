// The playback engine for HLS, loaded by the core's player when a source asks for it.
import { bundle } from "@metropole/frontend/bundle.mjs";

await bundle({
  folder: import.meta.dirname,
  entries: ["src/engine.ts"],
  out: "../metropole_egress_hls/static/dist",
});
