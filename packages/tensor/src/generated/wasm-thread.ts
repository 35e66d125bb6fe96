// Made by scripts/build-wasm.mjs from src/wasm-thread.ts.
export const wasmThread: string =
  "\"use strict\";(()=>{var{process:c}=globalThis,l=c?.getBuiltinModule?.(\"node:worker_threads\").parentPort,o=l??globalThis;function i({module:e,memory:t,scratch:r}){let{exports:s}=new WebAssembly.Instance(e,{env:{memory:t,stalled:()=>0}}),{setScratch:a,workerLoop:n,chunkFailed:d}=s;for(a(r),o.postMessage(\"ready\");;)try{n();return}catch{d()}}o.onmessage=({data:e})=>{i(e),o.close()};})();";
