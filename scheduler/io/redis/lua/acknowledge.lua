--! flags allow-oom
-- Entries of the log are dealt with. args: {group, positions, how many events each has}
begin(KEYS, ARGV)
local group, positions, many = args[1], args[2], args[3]
local log, more = R .. ':events', 0
call('XACK', log, group, unpack(positions))
for n = 1, #positions do
  if many[n] > 1 and call('XDEL', log, positions[n]) == 1 then more = more + many[n] - 1 end
end
call('XDEL', log, unpack(positions))
if more > 0 then call('HINCRBY', R .. ':state', 'more', -more) end
return answer(DONE)
