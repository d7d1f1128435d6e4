--! use base fleet index lives queue claims endings workers
-- A session could not reach a worker. args: {worker, session}
local w = worker_of(args[1])
if w then complain(w, args[2]) end
return answer(true)
