// Sockets that wait for clients: bound, listening, not yet watched.
#pragma once

#include <sys/socket.h>
#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include <policymux/result.h>

#include "base/endpoint.h"
#include "base/unique_fd.h"

namespace policymux {

// For unix-domain sockets: who may connect.
struct SocketAccess {
  mode_t mode = 0660;
  std::optional<uid_t> owner{};  // nullopt: ours
  std::optional<gid_t> group{};
};

// Non-blocking and close-on-exec. A unix-domain socket's file goes with it, if it is still the one we made;
// a forked child that must leave it alone calls keep_file() before the end.
class ListeningSocket {
 public:
  // REQUIRES: `fd` listens. `name` is for log lines.
  ListeningSocket(UniqueFd fd, std::string name) : fd_{std::move(fd)}, name_{std::move(name)} {}
  ListeningSocket(ListeningSocket&&) = default;
  ListeningSocket& operator=(ListeningSocket&&) = delete;
  ~ListeningSocket();

  int fd() const { return fd_.get(); }
  const std::string& name() const { return name_; }
  void keep_file() { file_.reset(); }

 private:
  friend Result<std::vector<ListeningSocket>, std::string> listen_on(const Endpoint&, const SocketAccess&);
  struct File {
    std::string path;
    dev_t device;
    ino_t inode;
  };

  UniqueFd fd_;
  std::string name_;
  std::optional<File> file_{};
};

// Every address of the endpoint: without a host all IPv4 and all IPv6 addresses, a socket each. A socket file
// that a dead process left behind is replaced, one that somebody listens on is not. May ask the resolver.
// The error names the endpoint and the reason.
Result<std::vector<ListeningSocket>, std::string> listen_on(const Endpoint& endpoint, const SocketAccess& access = {});

// A socket that somebody else has made, who keeps its file. An error unless it is a stream socket, inet or unix, that
// listens.
Result<ListeningSocket, std::string> adopt_listener(UniqueFd fd);

}  // namespace policymux
