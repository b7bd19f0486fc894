// The API reference, drawn from our own /openapi.json. Everything the library would fetch or report elsewhere is switched off.
"use strict";
Scalar.createApiReference("#reference", {
  url: "/openapi.json",
  withDefaultFonts: false,
  telemetry: false,
  showDeveloperTools: "never",
  mcp: { disabled: true },
  agent: { disabled: true },
});
