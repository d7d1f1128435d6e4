# Addresses as the kernel has them, and as texts and ports.


cdef str host_of(sockaddr_storage* address):
    """An IPv4 address mapped into IPv6 is shown as IPv4; "" for other families."""
    cdef char text[64]
    text[0] = 0
    if address.ss_family == AF_INET6:
        inet_ntop(AF_INET6, &(<sockaddr_in6*>address).sin6_addr, text, sizeof(text))
    elif address.ss_family == AF_INET:
        inet_ntop(AF_INET, &(<sockaddr_in*>address).sin_addr, text, sizeof(text))
    return text.decode().removeprefix("::ffff:") if b"." in text else text.decode()


cdef int port_of(sockaddr_storage* address):
    return ntohs((<sockaddr_in*>address).sin_port)  # at the same place in both families


cdef socklen_t address_of(str host, int port, sockaddr_storage* address) except 0:
    """Fills in the address and answers its size. Names are not looked up."""
    cdef sockaddr_in* v4 = <sockaddr_in*>address
    cdef sockaddr_in6* v6 = <sockaddr_in6*>address
    cdef bint is_v6 = ":" in host
    cdef bytes text = host.encode()
    memset(address, 0, sizeof(sockaddr_storage))
    address.ss_family = AF_INET6 if is_v6 else AF_INET
    v4.sin_port = htons(port)
    if inet_pton(address.ss_family, text, <void*>&v6.sin6_addr if is_v6 else <void*>&v4.sin_addr) != 1:
        raise OSError(f"{host!r} is no literal IPv4 or IPv6 address")
    return sizeof(sockaddr_in6) if is_v6 else sizeof(sockaddr_in)
