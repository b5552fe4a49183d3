// GitHub's own pages as octokit recorded them, on loopback alone; its own command listens everywhere. octokit.mjs PORT
import { createRequire } from "node:module";
import express from "express";
import middleware from "@octokit/fixtures-server";

const require = createRequire(import.meta.url);
const scenario = "paginate-issues";
const recorded = require(`@octokit/fixtures/scenarios/api.github.com/${scenario}/normalized-fixture.json`);

const port = Number(process.argv[2]);
const app = express();
// What the pages hold, for whoever wants to compare.
app.get("/recorded", (_, response) => response.json(recorded.flatMap((page) => page.response)));
app.use(
    middleware({
        port,
        fixturesUrl: `http://127.0.0.1:${port}`,
        logLevel: "silent",
        ttl: 60_000,
        fixtures: { [scenario]: recorded },
    }),
);
app.listen(port, "127.0.0.1");
