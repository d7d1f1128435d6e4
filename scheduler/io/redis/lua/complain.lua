-- A session could not reach a worker. args: {worker, session}
begin(KEYS, ARGV)
local w = worker_of(args[1])
if w then complain(w, args[2]) end
return answer(true)
