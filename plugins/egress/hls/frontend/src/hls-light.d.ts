// The light build lacks types of its own; its interface is the full one's.
declare module "hls.js/light" {
  export * from "hls.js";
  export { default } from "hls.js";
}
