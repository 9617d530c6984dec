// The view's end of the protocol between it and its host: JSON-RPC 2.0 by postMessage (MCP Apps, 2026-01-26).
"use strict";

const bridge = (() => {
  const PATIENCE = 60_000; // ms; a host may ask its user first
  const waiting = new Map();
  const heard = new Map();
  let last = 0;

  const post = (message) => parent.postMessage({ jsonrpc: "2.0", ...message }, "*");

  const settle = (id, { result, error }) => {
    const asked = waiting.get(id);
    if (asked === undefined) return;
    waiting.delete(id);
    clearTimeout(asked.timer);
    if (error === undefined) asked.resolve(result ?? {});
    else asked.reject(new Error(`the host refused (${error?.message ?? "it gave no reason"})`));
  };

  const answer = async (id, method, params) => {
    const handler = heard.get(method);
    if (handler === undefined) post({ id, error: { code: -32601, message: "There is no such method." } });
    else post({ id, result: (await handler(params)) ?? {} });
  };

  addEventListener("message", ({ source, data }) => {
    if (source !== parent || data?.jsonrpc !== "2.0") return;
    const params = data.params ?? {};
    if (data.method === undefined) settle(data.id, data);
    else if (data.id !== undefined) answer(data.id, data.method, params);
    else heard.get(data.method)?.(params);
  });

  return {
    // Has a function called with what the host asks or tells by a method.
    on: (method, handler) => heard.set(method, handler),
    tell: (method, params = {}) => post({ method, params }),
    // Gives what the host answers; throws what it refuses with, or that it does not answer.
    ask: (method, params) => new Promise((resolve, reject) => {
      const id = ++last;
      const timer = setTimeout(() => settle(id, { error: { message: "it did not answer" } }), PATIENCE);
      waiting.set(id, { resolve, reject, timer });
      post({ id, method, params });
    }),
  };
})();
