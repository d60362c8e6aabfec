// A client of the suite without dependencies: node 18 or later, and browsers.
//   node docs/client.mjs http://127.0.0.1:7860 implicit_frame out.png picture_a=@anna.jpg picture_b=@ben.jpg shape=0.5
// A value that begins with @ is a file; other values are JSON, or text where they are none.

export async function upload(host, blob, name) {
  const form = new FormData();
  form.append("files", blob, name);
  const [path] = await (await fetch(`${host}/gradio_api/upload`, { method: "POST", body: form })).json();
  return { path, meta: { _type: "gradio.FileData" }, orig_name: name };
}

export async function call(host, endpoint, parameters, onEvent = () => {}) {
  const address = `${host}/gradio_api/call/v2/${endpoint}`;
  const started = await fetch(address, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(parameters),
  });
  if (!started.ok) throw new Error(await started.text());
  const { event_id } = await started.json();
  const answer = await fetch(`${address}/${event_id}`);
  let text = "", event = "";
  for await (const bytes of answer.body.pipeThrough(new TextDecoderStream())) {
    text += bytes;
    const lines = text.split("\n");
    text = lines.pop();
    for (const line of lines) {
      if (line.startsWith("event:")) event = line.slice(6).trim();
      if (!line.startsWith("data:")) continue;
      const data = JSON.parse(line.slice(5));
      if (event === "error") throw new Error(data?.error ?? data ?? "the job failed");
      if (event === "complete") return data;
      onEvent(event, data);
    }
  }
  throw new Error("the connection ended before the job did");
}

async function main([host, endpoint, out, ...pairs]) {
  const { readFile, writeFile } = await import("node:fs/promises");
  const parameters = {};
  for (const pair of pairs) {
    const [name, value] = [pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1)];
    if (value.startsWith("@")) {
      parameters[name] = await upload(host, new Blob([await readFile(value.slice(1))]), value.slice(1));
    } else {
      try { parameters[name] = JSON.parse(value); } catch { parameters[name] = value; }
    }
  }
  const results = await call(host, endpoint, parameters);
  const file = results.map((item) => item?.video ?? item).find((item) => item?.url);
  if (file) await writeFile(out, Buffer.from(await (await fetch(file.url)).arrayBuffer()));
  console.log(JSON.stringify(results));
}

if (globalThis.process?.argv[1]?.endsWith("client.mjs")) {
  main(process.argv.slice(2)).catch((error) => { console.error(String(error.message)); process.exit(1); });
}
