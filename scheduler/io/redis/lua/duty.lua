-- Ready, cordon, uncordon, drain, retire, as the table allows. args: {worker, change, deadline, rate}
begin(KEYS, ARGV)
local id, change, deadline, rate = args[1], args[2], args[3], args[4]
local w = worker_of(id)
if not w then return answer(unknown_worker(id)) end
local used = used_of(id)
if change == 'retire' and used > 0 then
  return answer(refused('CONFLICT', 'the worker has ' .. used .. ' sessions; drain it first'))
end
local no = change_duty(w, change)
if no then return answer(no) end
if change == 'ready' then
  w.ready = true
elseif change == 'drain' then
  w.draining = {started = now, deadline = deadline, rate = rate, start = used, moved = 0}
  direct(w.id, 'drain', nil, nil, nil, deadline)
else
  direct(w.id, change == 'retire' and 'shutdown' or change)
end
settle(w)
return answer(DONE)
