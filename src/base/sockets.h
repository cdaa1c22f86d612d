// What everybody who calls the kernel about sockets and pipes has to know.
#pragma once

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>

namespace policymux {

// Not now, but later: nothing has gone wrong.
inline bool is_temporary(int error) { return error == EAGAIN || error == EWOULDBLOCK || error == EINTR; }

// There is no room for one more, of which the other side knows nothing.
inline bool is_shortage(int error) {
  return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

// What is sent leaves at once, each by itself. Other sockets than TCP's do not know the option.
inline void no_delay(int fd) {
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

}  // namespace policymux
