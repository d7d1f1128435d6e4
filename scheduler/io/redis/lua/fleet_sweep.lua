--! flags allow-oom
-- Lets time pass in the fleet's shard: tombstones, revocations, gateways long silent. KEYS[1] is the fleet's prefix.
begin(KEYS, ARGV)
local swept = tonumber(call('GET', R .. ':swept') or 0)
if now - swept < SWEEP_GAP then return answer(false) end
call('SET', R .. ':swept', now)
local slept = now - swept
if swept == 0 or slept <= SUSPECT_AFTER then slept = 0 end -- nobody swept: that counts as nobody's silence
for _, key in ipairs({R .. ':dead', R .. ':expired'}) do
  local over = call('ZRANGEBYSCORE', key, '-inf', now, 'LIMIT', 0, 1000)
  if #over > 0 then call('ZREM', key, unpack(over)) end
end
if span() > 0 then call('UNLINK', R .. ':r:' .. string.format('%d', span() - SPANS - 1)) end
local many = call('ZCARD', R .. ':dead') - TOMBSTONES
if many > 0 then -- those that would lapse first
  for _, session in ipairs(call('ZRANGE', R .. ':dead', 0, many - 1)) do
    call('ZREM', R .. ':dead', session)
    call('ZREM', R .. ':expired', session)
  end
end
local revoked = call('HGETALL', R .. ':revoked')
for n = 1, #revoked, 2 do
  if unpack_message(revoked[n + 1])[1] <= now then call('HDEL', R .. ':revoked', revoked[n]) end
end
if call('EXISTS', R .. ':revoked') == 0 then call('HDEL', R .. ':s', '#r') end
local gateways = call('HGETALL', R .. ':gateways')
for n = 1, #gateways, 2 do
  local gateway = unpack_message(gateways[n + 1])
  if now - gateway.renewed - slept >= FORGET_GATEWAY_SECONDS then
    call('HDEL', R .. ':gateways', gateways[n])
  elseif slept > 0 then
    gateway.renewed = math.min(now, gateway.renewed + slept)
    call('HSET', R .. ':gateways', gateways[n], pack(gateway))
  end
end

-- Who entered a while ago: their regions are asked whether they came, since whoever brought them may have died between
-- the two. Asked again after a while if nobody answers.
local entered, again = {}, now + RESERVATION
for _, session in ipairs(call('ZRANGEBYSCORE', R .. ':entering', '-inf', now - RESERVATION, 'LIMIT', 0, PORTION)) do
  local raw = call('HGET', R .. ':s', session)
  if raw then
    local about = unpack_message(raw)
    call('ZADD', R .. ':entering', again, session)
    entered[#entered + 1] = {session, about[2], about[3], about[4], false, false, about[1], false, again}
  else
    call('ZREM', R .. ':entering', session)
  end
end
return answer(entered)
