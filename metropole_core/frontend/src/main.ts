// Every page: connection, live status, chat, forms. The player comes only where one is.

import { ChatElement } from "./chat/element.ts";
import { startClipboard } from "./clipboard.ts";
import { paint } from "./dom.ts";
import { startForms } from "./forms.ts";
import { followLive } from "./live.ts";
import { startMenus } from "./menus.ts";
import { reveal } from "./needs-script.ts";
import { page } from "./page.ts";
import { startPreferences } from "./preferences.ts";
import { Connection } from "./socket.ts";

const connection = new Connection(page.ws, page.channel?.name);

reveal(document);
paint(document);
startPreferences();
startForms();
startClipboard();
startMenus();
followLive(connection);
ChatElement.define(connection);
if (document.querySelector("metropole-player")) {
  void import("./player/element.ts").then(({ PlayerElement }) => PlayerElement.define(connection));
}
if (document.querySelector("metropole-health")) {
  void import("./dashboard/health.ts").then(({ HealthElement }) =>
    HealthElement.define(connection),
  );
}
connection.start();
