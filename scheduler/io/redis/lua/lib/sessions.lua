-- A session's record: how it is kept, and read no further than an operation needs it.
-- {R}:s:<session> is a list, in the order of RECORD (scripts.py): who it is (packed on its own), what every step looks at, and
-- `rest`, by name, what most have not. Operations see all of it by name; what is in none of the three is nil.

local about_session, who_of, unpack_session, pack_session, new_session

do

local WHO = {workspace = 1, user = 2, key = 3, gateway = 4, request = 5, resume = 6, wanted = 7, region = 8}

function about_session(s)
  local found = rawget(s, 'about')
  if not found then
    found = unpack_message(s.who)
    rawset(s, 'about', found)
  end
  return found
end

local SESSION = {
  __index = function(s, name)
    local place = WHO[name]
    if place then return about_session(s)[place] end
    return s.rest and s.rest[name]
  end,
  __newindex = function(s, name, value)
    local place = WHO[name]
    if place then
      about_session(s)[place], s.who = value, false
    elseif s.rest then
      s.rest[name] = value
    elseif value ~= nil then
      s.rest = {[name] = value}
    end
  end,
}

-- Who it is, packed: as the request had it, until something of it changes.
function who_of(s)
  if not s.who then s.who = pack(rawget(s, 'about')) end
  return s.who
end

function unpack_session(raw)
  return setmetatable(unpack_message(raw), SESSION)
end

function pack_session(s)
  local known = rawget(s, 'about')
  who_of(s)
  if s.rest and next(s.rest) == nil then s.rest = false end
  rawset(s, 'about', nil) -- or it were no list
  local raw = pack(s)
  rawset(s, 'about', known)
  return raw
end

-- One that is new here: of the request `q`, on this worker.
function new_session(q, worker)
  local s = {
    q.who or false, q.session, worker, false, false, q.floor or 0, 0, q.expires, 0, 0, false, false, false, false, false,
    about = q.about or {q.workspace, q.user, q.key, q.gateway, q.request, q.resume, q.wanted, q.region or false},
  }
  return setmetatable(s, SESSION)
end

end

local function session_of(id)
  local key = R .. ':s:' .. id
  if several then
    local s = several.ready[key]
    if s then several.ready[key] = nil end -- whoever gets it may change it
    if s ~= nil then return s end
  end
  local raw = call('GET', key)
  return raw and unpack_session(raw)
end

local function save(s)
  local raw = pack_session(s)
  set_session(R .. ':s:' .. s.id, raw)
  return raw
end

-- What is told of a session: who it is goes along as it is kept, nobody here takes it apart.
local function append_of(s, type, record)
  s.seq = s.seq + 1
  note_event(record and pack({type, now, s.id, s.worker, s.seq, false, record, who_of(s)})
    or pack({type, now, s.id, s.worker, s.seq, false, false, who_of(s), s.pool, s.fence,
      s.rest and s.lost or false, s.rest and s.adopted or false}))
end
