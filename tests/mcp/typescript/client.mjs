// Drives every tool with the TypeScript SDK: client.mjs stdio COMMAND... | client.mjs http URL
// The calls come as JSON on the standard input; the results go to the standard output.
import { readFileSync } from "node:fs";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { ListRootsRequestSchema } from "@modelcontextprotocol/sdk/types.js";

const [kind, ...words] = process.argv.slice(2);
const { calls, roots } = JSON.parse(readFileSync(0, "utf8"));
const transport =
  kind === "stdio"
    ? new StdioClientTransport({ command: words[0], args: words.slice(1), env: process.env, stderr: "ignore" })
    : new StreamableHTTPClientTransport(new URL(words[0]));
const client = new Client({ name: "typescript-test", version: "1" }, { capabilities: roots.length ? { roots: {} } : {} });
if (roots.length) {
  client.setRequestHandler(ListRootsRequestSchema, () => ({ roots: roots.map((uri) => ({ uri })) }));
}
await client.connect(transport);
const { tools } = await client.listTools();
const results = {};
for (const [name, args] of Object.entries(calls)) {
  results[name] = await client.callTool({ name, arguments: args });
}
process.stdout.write(JSON.stringify({ tools: tools.map((tool) => tool.name), server: client.getServerVersion(), results }));
await client.close();
