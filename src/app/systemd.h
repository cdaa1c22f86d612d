// systemd's side of our life, after sd_notify(3), sd_listen_fds(3) and sd_watchdog_enabled(3): a few variables and
// a datagram each time.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <policymux/result.h>

#include "base/time.h"
#include "base/unique_fd.h"
#include "loop/loop.h"
#include "session/listening_socket.h"

namespace policymux {

// Who is told how we are. Nobody, where systemd did not ask for it.
//   Owns    its socket, connected at once: it works from inside a chroot.
//   Errors  none, and it never waits: what the manager has no room for is lost.
class ServiceManager {
 public:
  ServiceManager() = default;
  // NOTIFY_SOCKET: a path, or '@' and an abstract name.
  explicit ServiceManager(std::string_view socket);

  // `status` is what `systemctl status` shows, one line.
  void ready(std::string_view status) const;  // also after a reload
  void reloading() const;
  void stopping() const;
  void alive() const;

 private:
  void tell(std::string_view message) const;
  UniqueFd socket_{};
};

// What systemd hands to a process that it starts.
struct Handover {
  ServiceManager manager{};
  std::vector<ListeningSocket> sockets{};      // in place of main.listen
  std::optional<milliseconds> watchdog{};      // without a sign of life for so long we are killed
};

// Reads the variables and unsets them: programs that we run are not meant. To be called once, before anything else
// opens a descriptor, forks or starts a thread. The error names the variable or the descriptor.
Result<Handover, std::string> take_handover();

// Tells the manager that the loop turns, twice in the time of its watchdog.
class Heartbeat {
 public:
  Heartbeat(Loop& loop, const ServiceManager& manager, std::optional<milliseconds> watchdog);

 private:
  void beat();

  const ServiceManager& manager_;
  const milliseconds every_;
  Timer<Heartbeat, &Heartbeat::beat> timer_;
};

}  // namespace policymux
