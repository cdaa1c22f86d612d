#include "session/listening_socket.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <utility>

#include "base/sockets.h"
#include "session/peer.h"

namespace policymux {
namespace {

using Sockets = Result<std::vector<ListeningSocket>, std::string>;

constexpr int backlog = SOMAXCONN;

Unexpected<std::string> cannot_listen(const std::string& name, const std::string& why) {
  return {"cannot listen on " + name + ": " + why};
}

UniqueFd open_socket(int family) { return UniqueFd{::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)}; }

// ---- inet ----

bool bind_inet(int fd, const SocketAddress& address) {
  const int on = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  suit_short_messages(fd);  // those that it accepts
  if (address.get()->sa_family == AF_INET6) ::setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  return ::bind(fd, address.get(), address.size) == 0 && ::listen(fd, backlog) == 0;
}

// Not having IPv6 is no failure where every address was meant.
bool is_missing_family(int error) { return error == EAFNOSUPPORT || error == EADDRNOTAVAIL; }

Sockets listen_inet(const Endpoint& endpoint) {
  const auto name = to_string(endpoint);
  const auto addresses = addresses_of(endpoint, AI_PASSIVE);
  if (!addresses) return cannot_listen(name, addresses.error());
  std::vector<ListeningSocket> sockets;
  int missing = 0;
  for (const auto& address : *addresses) {
    auto fd = open_socket(address.get()->sa_family);
    if (fd && bind_inet(fd.get(), address)) {
      sockets.emplace_back(std::move(fd), name);
    } else if (is_missing_family(errno)) {
      missing = errno;
    } else {
      return cannot_listen(name, std::strerror(errno));
    }
  }
  if (sockets.empty()) return cannot_listen(name, std::strerror(missing));
  return sockets;
}

// ---- unix ----

// Is there a process behind the socket file? A full backlog says yes as well.
bool is_alive(const sockaddr_un& address) {
  const auto fd = open_socket(AF_UNIX);
  return ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 || errno != ECONNREFUSED;
}

// Nobody can connect to it before its owner and mode are right: it is made without any permission.
bool bind_unix(int fd, const sockaddr_un& address) {
  const auto mask = ::umask(0777);
  const int bound = ::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  ::umask(mask);
  return bound == 0;
}

bool is_stale(const sockaddr_un& address) {
  struct stat file{};
  return ::lstat(address.sun_path, &file) == 0 && S_ISSOCK(file.st_mode) && !is_alive(address);
}

bool bind_or_replace(int fd, const sockaddr_un& address) {
  if (bind_unix(fd, address)) return true;
  if (errno != EADDRINUSE) return false;
  if (is_stale(address)) return ::unlink(address.sun_path) == 0 && bind_unix(fd, address);
  errno = EADDRINUSE;
  return false;
}

int option(int fd, int name) {
  int value = 0;
  socklen_t size = sizeof value;
  ::getsockopt(fd, SOL_SOCKET, name, &value, &size);
  return value;
}

// "unix:/path", or "unix:@name" for an abstract one.
std::string unix_name(const sockaddr_storage& storage, socklen_t size) {
  constexpr auto path_at = offsetof(sockaddr_un, sun_path);
  const auto* const path = reinterpret_cast<const sockaddr_un&>(storage).sun_path;
  if (size <= path_at) return "unix:";
  if (path[0] != '\0') return std::string{"unix:"} + path;
  return "unix:@" + std::string{path + 1, size - path_at - 1};
}

bool give_access(const char* path, const SocketAccess& access) {
  const auto owner = access.owner.value_or(static_cast<uid_t>(-1));
  const auto group = access.group.value_or(static_cast<gid_t>(-1));
  return ::chown(path, owner, group) == 0 && ::chmod(path, access.mode) == 0;
}

}  // namespace

Sockets listen_on(const Endpoint& endpoint, const SocketAccess& access) {
  if (endpoint.kind == Endpoint::Kind::inet) return listen_inet(endpoint);
  const auto name = to_string(endpoint);
  const auto addresses = addresses_of(endpoint);
  if (!addresses) return cannot_listen(name, addresses.error());
  const auto& address = reinterpret_cast<const sockaddr_un&>(addresses->front().storage);
  auto fd = open_socket(AF_UNIX);
  if (!fd || !bind_or_replace(fd.get(), address)) return cannot_listen(name, std::strerror(errno));
  ListeningSocket socket{std::move(fd), name};
  struct stat file{};
  if (::lstat(address.sun_path, &file) == 0) socket.file_ = {endpoint.path, file.st_dev, file.st_ino};
  if (::listen(socket.fd(), backlog) != 0 || !give_access(address.sun_path, access)) {
    return cannot_listen(name, std::strerror(errno));
  }
  std::vector<ListeningSocket> sockets;
  sockets.push_back(std::move(socket));
  return sockets;
}

Result<ListeningSocket, std::string> adopt_listener(UniqueFd fd) {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  const auto* const address = reinterpret_cast<const sockaddr*>(&storage);
  if (::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&storage), &size) != 0) {
    const int error = errno;
    if (error == EBADF) fd.release();
    return Unexpected<std::string>{std::strerror(error)};
  }
  const bool known = address->sa_family == AF_UNIX || address->sa_family == AF_INET || address->sa_family == AF_INET6;
  if (!known || option(fd.get(), SO_TYPE) != SOCK_STREAM || option(fd.get(), SO_ACCEPTCONN) == 0) {
    return Unexpected<std::string>{"not a stream socket that listens"};
  }
  ::fcntl(fd.get(), F_SETFD, FD_CLOEXEC);
  ::fcntl(fd.get(), F_SETFL, ::fcntl(fd.get(), F_GETFL) | O_NONBLOCK);
  suit_short_messages(fd.get());  // those that it accepts from now on
  auto name = address->sa_family == AF_UNIX ? unix_name(storage, size) : peer_of(address, {}).name;
  return ListeningSocket{std::move(fd), std::move(name)};
}

ListeningSocket::~ListeningSocket() {
  struct stat now{};
  if (!file_ || !fd_ || ::lstat(file_->path.c_str(), &now) != 0) return;
  if (now.st_dev == file_->device && now.st_ino == file_->inode) ::unlink(file_->path.c_str());
}

}  // namespace policymux
