-- An order over a worker's link, now or never; without one, with the answer to its next heartbeat. args: {worker, directive}
begin(KEYS, ARGV)
local w = worker_of(args[1])
if not w then return answer(false) end
if w.link then return answer(tell(w.link, 'direct', w.id, args[2]) > 0) end
local waiting = R .. ':d:' .. w.id
if call('LLEN', waiting) >= DIRECTIVES_PER_WORKER then return answer(false) end
call('RPUSH', waiting, pack(args[2]))
return answer(true)
