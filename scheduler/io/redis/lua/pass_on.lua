--! use base
-- An order over a worker's link, now or never. args: {worker, directive}
local w = worker_of(args[1])
return answer(w and w.link and tell(w.link, 'direct', w.id, args[2]) > 0 or false)
