// Made by scripts/build-wasm.mjs from src/thread.ts.
export const wasmThread: string =
  "\"use strict\";(()=>{var{process:l}=globalThis,p=l?.getBuiltinModule?.(\"node:worker_threads\").parentPort,o=p??globalThis;function h({module:e,memory:t,scratch:r,isOdd:s}){let{exports:a}=new WebAssembly.Instance(e,{env:{memory:t,stalled:()=>0}}),{setScratch:n,takeFromEnd:d,workerLoop:c,chunkFailed:i}=a;for(n(r),s&&d(),o.postMessage(\"ready\");;)try{c();return}catch{i()}}o.onmessage=({data:e})=>{h(e),o.close()};})();";
