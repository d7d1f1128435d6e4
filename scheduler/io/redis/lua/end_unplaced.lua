--! flags allow-oom
-- Ends a session that no region has: it never connected, or it ended long ago. KEYS[1] is the fleet's prefix.
-- args: the wish
begin(KEYS, ARGV)
local f, wish = R, args
local id, workspace = wish[1], wish[8]
local raw = record_kept(f, id)
if raw then return answer({'ended', raw, false}) end
if call('ZSCORE', f .. ':dead', id) then return answer({'forgotten'}) end
if wish[6] then return answer(stale(id)) end
local record = pack({id, wish[2], wish[3] or false, wish[4], wish[5], now, 0, false, false})
append('session.ended', id, false, 1, workspace and {workspace = workspace} or {}, record)
bury(f, id, now + TOMBSTONE_SECONDS, wish[2] == 'EXPIRED')
keep_record(f, id, record)
return answer({'ended', record, true})
