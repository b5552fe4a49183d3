// The API behind nginx, without a limit: upstream.cjs PORT MILLISECONDS-PER-ANSWER
"use strict";
const http = require("node:http");

const [port, delay] = process.argv.slice(2).map(Number);

const server = http.createServer((request, response) => {
    const record = JSON.stringify({ id: Number(request.url.split("/").at(-1)) });
    const answer = () => response.setHeader("Content-Type", "application/json").end(record);
    if (delay > 0) {
        setTimeout(answer, delay);
    } else {
        answer();
    }
});
server.listen(port, "127.0.0.1");
