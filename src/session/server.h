// All listeners and all sessions.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/once_per_host.h"
#include "session/listening_socket.h"
#include "session/session.h"

namespace policymux {

// Reloadable, all of it.
struct ServerSettings {
  SessionLimits session{};
  std::size_t max_connections = 10'000;
  // May this peer connect over inet? Empty: all may. Unix-domain sockets have their file's mode for that.
  std::function<bool(const sockaddr*)> allow{};
};

//   accepting ──max_connections, out of descriptors──▶ paused ──a connection ends, or a second later──▶ accepting
//   any ──stop()──▶ stopping ──the last session has left, or time is up──▶ drained
class Server final : private SessionOwner, private Ready {
 public:
  // REQUIRES: all outlive the server. Its end closes every connection and cancels what waits.
  Server(Loop& loop, RequestHandler& handler, Logger& logger, Metrics& metrics, ServerSettings settings);
  ~Server();

  // Accepts connections there from now on.
  void listen(ListeningSocket socket);
  // Serves a connection that came another way. REQUIRES: `fd` is a connected stream socket.
  void adopt(UniqueFd fd, Peer peer);

  // From now on, for connections that are open as well.
  void set(ServerSettings settings);

  // Accepts no more; requests that have arrived by now are answered, then connections are closed, at once where
  // nothing is left to answer, and all of them after `limit`. Then `drained` is called once, from the loop.
  void stop(milliseconds limit, std::function<void()> drained);

  std::size_t connections() const { return sessions_.size(); }

 private:
  struct Door {
    Door(Server& s, ListeningSocket l) : server{s}, socket{std::move(l)}, io{s.shared_.loop.raw(), socket.fd(), this} {}
    void on_ready(int);
    Server& server;
    ListeningSocket socket;
    IoWatcher<Door, &Door::on_ready> io;
  };

  void left(Session& session, CloseReason reason) override;
  void serve() override;  // drained: not from inside a session's end

  bool full() const { return sessions_.size() >= settings_.max_connections; }
  void accept_from(Door& door);
  bool accept_one(Door& door);
  void admit(UniqueFd fd, const sockaddr* address, const Door& door);
  bool refuses(const sockaddr* address);
  void pause(std::string_view why);
  void resume();
  void all_accepted();
  void give_up();

  SessionShared shared_;
  ServerSettings settings_;
  std::vector<std::unique_ptr<Door>> doors_;
  std::vector<std::unique_ptr<Session>> sessions_;  // in no order; each knows its place
  bool paused_ = false;
  bool told_of_pause_ = false;
  OncePerHost refusals_;
  std::function<void()> drained_;
  Timer<Server, &Server::resume> retry_;
  Timer<Server, &Server::give_up> limit_;
};

}  // namespace policymux
