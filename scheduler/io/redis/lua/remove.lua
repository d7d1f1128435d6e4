--! flags allow-oom
-- Forgets a worker; its sessions are suspended as if it were lost. args: {worker}
begin(KEYS, ARGV)
local w = worker_of(args[1])
if not w then return answer(unknown_worker(args[1])) end
drop_orphans(w.id)
remove_worker(w)
return answer(DONE)
