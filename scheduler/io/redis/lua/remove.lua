--! flags allow-oom
--! use base fleet index lives queue claims endings workers
-- Forgets a worker; its sessions are suspended as if it were lost. args: {worker}
local w = worker_of(args[1])
if not w then return answer(unknown_worker(args[1])) end
remove_worker(w)
return answer({'done'})
