// Asks Portcullis for invocations and calls the handler, as Lambda's own runtime does.
import http from "node:http";
import path from "node:path";
import { Writable } from "node:stream";
import { pathToFileURL } from "node:url";
import { inspect } from "node:util";

const [file, exported] = process.argv.slice(-2);
const [address, ...prefix] = process.env.AWS_LAMBDA_RUNTIME_API.split("/");
const [host, port] = address.split(":");
const base = "/" + [...prefix, "2018-06-01", "runtime"].join("/");
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
const STREAMED = Symbol("streamed");

// What is written before an answer is to be read before it.
for (const stream of [process.stdout, process.stderr]) stream._handle?.setBlocking?.(true);

// Nobody to answer to: the gateway is gone.
const leave = () => process.exit(1);

function request(method, suffix, headers) {
  const options = { host, port, agent, method, path: base + suffix, headers };
  return http.request(options);
}

function ask(method, suffix, body, headers = {}) {
  return new Promise((resolve) => {
    const length = body === undefined ? {} : { "content-length": Buffer.byteLength(body) };
    const asked = request(method, suffix, { ...headers, ...length });
    asked.on("response", (response) => {
      const pieces = [];
      response.on("data", (piece) => pieces.push(piece));
      response.on("end", () => resolve({ response, text: Buffer.concat(pieces).toString() }));
      response.on("error", leave);
    });
    asked.on("error", leave);
    asked.end(body);
  });
}

function described(error) {
  const isError = error instanceof Error;
  const trace = isError && typeof error.stack === "string" ? error.stack.split("\n") : [];
  return JSON.stringify({
    errorType: isError ? error.name : typeof error,
    errorMessage: isError ? error.message : String(error),
    stackTrace: trace.slice(1),
  });
}

const FAILED = { "Lambda-Runtime-Function-Error-Type": "Unhandled" };

async function load() {
  const module = await import(pathToFileURL(path.resolve(file)).href);
  const find = (from) => exported.split(".").reduce((value, name) => value?.[name], from);
  const handler = find(module) ?? find(module.default);
  if (typeof handler !== "function") {
    const names = Object.keys(module).join(", ") || "nothing";
    const error = new Error(`${path.basename(file)} exports ${names}, and no function ${exported}`);
    error.name = "Runtime.HandlerNotFound";
    throw error;
  }
  return handler;
}

class ResponseStream extends Writable {
  constructor(id) {
    super();
    this.id = id;
    this.contentType = undefined;
    this.ended = new Promise((resolve) => (this.resolveEnded = resolve));
  }

  setContentType(type) {
    this.contentType = type;
  }

  open() {
    if (this.asked) return;
    this.asked = request("POST", `/invocation/${this.id}/response`, {
      "Content-Type": this.contentType ?? "application/octet-stream",
      "Lambda-Runtime-Function-Response-Mode": "streaming",
      "Transfer-Encoding": "chunked",
      Trailer: "Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body",
    });
    this.asked.on("response", (response) => {
      response.resume();
      response.on("end", this.resolveEnded);
    });
    this.asked.on("error", leave);
  }

  _write(piece, encoding, done) {
    this.open();
    const bytes = typeof piece === "string" ? Buffer.from(piece, encoding) : piece;
    if (this.asked.write(bytes)) done();
    else this.asked.once("drain", done);
  }

  _final(done) {
    this.open();
    this.asked.end(done);
  }

  fail(error) {
    if (!this.asked) return false;
    this.asked.addTrailers({
      "Lambda-Runtime-Function-Error-Type": "Unhandled",
      "Lambda-Runtime-Function-Error-Body": Buffer.from(described(error)).toString("base64"),
    });
    this.asked.end();
    return true;
  }
}

globalThis.awslambda = {
  streamifyResponse(handler) {
    const streamed = (...parameters) => handler(...parameters);
    streamed[STREAMED] = true;
    return streamed;
  },
  HttpResponseStream: {
    from(stream, prelude) {
      stream.setContentType("application/vnd.awslambda.http-integration-response");
      stream.write(JSON.stringify(prelude));
      stream.write(new Uint8Array(8));
      return stream;
    },
  },
};

let current;

async function fatal(error) {
  console.error(inspect(error));
  if (current) await ask("POST", `/invocation/${current}/error`, described(error), FAILED);
  process.exit(129);
}

function contextOf(headers) {
  const deadline = Number(headers["lambda-runtime-deadline-ms"]);
  return {
    awsRequestId: headers["lambda-runtime-aws-request-id"],
    invokedFunctionArn: headers["lambda-runtime-invoked-function-arn"],
    functionName: process.env.AWS_LAMBDA_FUNCTION_NAME,
    functionVersion: process.env.AWS_LAMBDA_FUNCTION_VERSION,
    memoryLimitInMB: process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: process.env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: process.env.AWS_LAMBDA_LOG_STREAM_NAME,
    callbackWaitsForEmptyEventLoop: true,
    getRemainingTimeInMillis: () => Math.max(0, deadline - Date.now()),
  };
}

// A handler returns a promise, calls its callback, or returns the answer at once.
function call(handler, event, context) {
  return new Promise((resolve, reject) => {
    const callback = (error, result) => (error == null ? resolve(result) : reject(error));
    context.succeed = resolve;
    context.fail = reject;
    context.done = callback;
    const returned = handler(event, context, callback);
    if (typeof returned?.then === "function") returned.then(resolve, reject);
    else if (handler.length < 3) resolve(returned);
  });
}

async function stream(handler, event, context, id) {
  const out = new ResponseStream(id);
  try {
    await handler(event, out, context);
    if (!out.writableEnded) out.end();
    await out.ended;
  } catch (error) {
    console.error(inspect(error));
    if (out.fail(error)) await out.ended;
    else await ask("POST", `/invocation/${id}/error`, described(error), FAILED);
  }
}

async function answer(handler, event, context, id) {
  let body;
  try {
    const result = await call(handler, event, context);
    body = JSON.stringify(result === undefined ? null : result);
  } catch (error) {
    console.error(inspect(error));
    await ask("POST", `/invocation/${id}/error`, described(error), FAILED);
    return;
  }
  await ask("POST", `/invocation/${id}/response`, body ?? "null", {
    "content-type": "application/json",
  });
}

async function main() {
  let handler;
  try {
    handler = await load();
  } catch (error) {
    console.error(inspect(error));
    await ask("POST", "/init/error", described(error), FAILED);
    process.exit(1);
  }
  process.on("uncaughtException", fatal);
  process.on("unhandledRejection", fatal);
  for (;;) {
    const { response, text } = await ask("GET", "/invocation/next");
    if (response.statusCode !== 200) leave();
    const id = response.headers["lambda-runtime-aws-request-id"];
    process.env._X_AMZN_TRACE_ID = response.headers["lambda-runtime-trace-id"];
    current = id;
    const [event, context] = [JSON.parse(text), contextOf(response.headers)];
    const how = handler[STREAMED] ? stream : answer;
    await how(handler, event, context, id);
    current = undefined;
  }
}

main();
