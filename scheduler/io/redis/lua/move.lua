-- The claimed worker did not answer: one not tried yet, with the fence and the reservation there are.
-- args: {session, fence}
begin(KEYS, ARGV)
local id, fence = args[1], args[2]
local s = session_of(id)
if not s or s.fence ~= fence or s.state ~= 'r' then return answer(stale(id, s)) end
s.tried = s.tried or {}
s.tried[#s.tried + 1] = s.worker
local other = choose(s.wanted, s.tried)
if not other then
  save(s)
  return answer(refused('NO_CAPACITY', 'no other worker has a free slot', FULL_RETRY_SECONDS))
end
rehome(s, other)
save(s)
return answer(claimed(s))
