-- A session that changes region. Where it goes a slot waits for it: {R}:guests session -> {ticket, worker, due}. Where it
-- comes from it is a parcel until it has arrived: {R}:away session -> packed {its record, request, region, ticket, session, fence}. From the
-- step that makes it a parcel on it goes only forward, and only a guest with the parcel's ticket lets it arrive.

local grant -- in claims: freeing a slot and granting it call each other

local function guest_of(session)
  local raw = call('HGET', R .. ':guests', session)
  return raw and unpack_message(raw)
end

-- A slot for it; a guest that is waited for already keeps the one it has. Without a worker it comes all the same.
local function expect(q, worker)
  local guest = guest_of(q.session)
  if guest and guest[2] then
    worker = guest[2]
  elseif worker then
    give_slot(worker)
  end
  call('HSET', R .. ':guests', q.session, pack({q.ticket, worker or false, now + RESERVATION}))
end

local function drop_guest(session, guest)
  call('HDEL', R .. ':guests', session)
  if not guest[2] then return end
  give(guest[2])
  grant(guest[2])
end

-- Guests that did not come. A parcel whose ticket lapsed gets another one.
local function let_guests_pass()
  local guests = call('HGETALL', R .. ':guests')
  for n = 1, #guests, 2 do
    local guest = unpack_message(guests[n + 1])
    if guest[3] <= now then drop_guest(guests[n], guest) end
  end
end

local function parcel_of(session)
  return call('HGET', R .. ':away', session)
end
