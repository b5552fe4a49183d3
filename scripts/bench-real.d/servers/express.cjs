// express-rate-limit, 50 requests in windows of 5 s that begin with their first request: express.cjs PORT draft-8|legacy|silent
"use strict";
const fs = require("node:fs");
const express = require("express");
const { rateLimit } = require("express-rate-limit");

const [port, says] = process.argv.slice(2);
const now = () => performance.timeOrigin + performance.now();
const seconds = (milliseconds) => (milliseconds / 1000).toFixed(4);

const app = express();
app.use((request, response, next) => {
    const began = now();
    response.on("finish", () => {
        const ended = now();
        fs.writeSync(1, `${seconds(ended)} ${seconds(ended - began)} ${response.statusCode} ${request.originalUrl}\n`);
    });
    next();
});
app.use(
    rateLimit({
        windowMs: 5000,
        limit: 50,
        standardHeaders: says === "draft-8" ? "draft-8" : false,
        legacyHeaders: says === "legacy",
    }),
);
app.get("/items/:id", (request, response) => response.json({ id: Number(request.params.id) }));
app.listen(Number(port), "127.0.0.1");
