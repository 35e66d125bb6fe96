// Made by scripts/build-wasm.mjs from src/wasm-thread.ts.
export const wasmThread: string =
  "\"use strict\";(()=>{var{process:l}=globalThis,p=l?.getBuiltinModule?.(\"node:worker_threads\").parentPort,o=p??globalThis;function u({module:e,memory:t,scratch:s,error:a,done:n}){let r=new Int32Array(t.buffer),{exports:d}=new WebAssembly.Instance(e,{env:{memory:t,stalled:()=>0}}),{setScratch:c,workerLoop:i}=d;for(c(s),o.postMessage(\"ready\");;)try{i();return}catch{Atomics.store(r,a>>2,1),Atomics.add(r,n>>2,1)}}o.onmessage=({data:e})=>{u(e),o.close()};})();";
