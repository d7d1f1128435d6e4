--! flags allow-oom
-- A session under a revocation ends. Answers whether it was live. args: the wish
begin(KEYS, ARGV)
local s = session_of(args[1])
if s then finish(s, args) end
local parcel = not s and parcel_of(args[1])
if parcel then return answer({'away', parcel}) end
return answer(s and true or false)
