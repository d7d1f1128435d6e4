--! flags allow-oom
-- Renews the lease, takes the witness, hands over orders. The same `seq` again answers the same orders.
-- args: {worker, seq, load, attached and detached, ended, gateway, is ready}
begin(KEYS, ARGV)
local id, seq, load, heard, ended, gateway, is_ready = args[1], args[2], args[3], args[4], args[5], args[6], args[7]
local w = worker_of(id)
if not w or w.health == 'lost' then return answer(unknown_worker(id)) end
local is_changed = recover(w)
local is_late = seq < w.seq -- perhaps over a link that the worker has left
if not is_late then set_link(id, gateway or '') end
if seq > w.seq then
  w.seq, w.load = seq, load
  for _, end_ in ipairs(ended) do
    drop_orphan(id, end_[1])
    local s = session_of(end_[1])
    if s and s.worker == id and s.fence == end_[2] then
      finish(s, {end_[1], end_[3], 'SESSION_ENDED', end_[4], 'worker', end_[2], false, false})
    end
  end
  hear(w, heard)
  w.delivered = {}
  for n, raw in ipairs(call('LRANGE', R .. ':d:' .. id, 0, -1)) do w.delivered[n] = unpack_message(raw) end
  call('DEL', R .. ':d:' .. id)
end
is_changed = not is_late and hear_ready(w, is_ready) or is_changed
if is_changed then
  settle(w)
else
  save_worker(w)
  if not is_late then grant(id) end
end
return answer({'beaten', seq, seq == w.seq and w.delivered or {}})
