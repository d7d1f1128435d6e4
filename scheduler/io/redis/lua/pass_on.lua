-- An order over a worker's link, now or never; without one, with the answer to its next heartbeat. args: {worker, directive}
begin(KEYS, ARGV)
local worker, directive = args[1], args[2]
local link = place_of(worker)[2]
if not link then return answer(false) end
if link ~= '' then return answer(tell(link, 'direct', worker, directive) > 0) end
local waiting = R .. ':d:' .. worker
if call('LLEN', waiting) >= DIRECTIVES_PER_WORKER then return answer(false) end
call('RPUSH', waiting, pack(directive))
return answer(true)
