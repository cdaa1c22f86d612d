#include "session/server.h"

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "base/sockets.h"

namespace policymux {
namespace {

constexpr int accepts_per_wake_up = 64;
constexpr std::chrono::seconds retry_after{1};

// The kernel looks for peers that vanished without a word: Linux would wait two hours before it does.
void keep_alive(int fd) {
  const int on = 1, idle_seconds = 300;
  ::setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_seconds, sizeof idle_seconds);
}

}  // namespace

Server::Server(Loop& loop, RequestHandler& handler, Logger& logger, Metrics& metrics, ServerSettings settings)
    : shared_{loop, handler, logger, metrics, settings.session},
      settings_{std::move(settings)},
      retry_{loop.raw(), this},
      limit_{loop.raw(), this} {}

Server::~Server() = default;

void Server::listen(ListeningSocket socket) {
  doors_.push_back(std::make_unique<Door>(*this, std::move(socket)));
  if (!paused_) doors_.back()->io.want(EV_READ);
}

void Server::adopt(UniqueFd fd, Peer peer) {
  SessionOwner& owner = *this;
  auto session = std::make_unique<Session>(shared_, owner, std::move(fd), std::move(peer));
  session->place = sessions_.size();
  sessions_.push_back(std::move(session));
  ++shared_.metrics[Gauge::connections];
}

void Server::set(ServerSettings settings) {
  settings_ = std::move(settings);
  shared_.limits = settings_.session;
  shared_.parser = RequestParser{shared_.limits.request};
  if (paused_) resume();
}

// ---- accepting ----

void Server::Door::on_ready(int) { server.accept_from(*this); }

// REQUIRES: somebody waits there.
void Server::accept_from(Door& door) {
  if (full()) return pause("max_connections are open");
  for (int n = 0; n < accepts_per_wake_up && !full() && accept_one(door); ++n) {}
}

// False: nobody waits there any more, or nobody can be let in. What accept(2) says of the new connection alone is no
// reason to stop.
bool Server::accept_one(Door& door) {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  auto* const address = reinterpret_cast<sockaddr*>(&storage);
  UniqueFd fd{::accept4(door.socket.fd(), address, &size, SOCK_NONBLOCK | SOCK_CLOEXEC)};
  if (fd) {
    admit(std::move(fd), address, door);
    return true;
  }
  if (errno == EAGAIN) {
    all_accepted();
  } else if (is_shortage(errno)) {
    pause(std::strerror(errno));
  } else {
    return true;
  }
  return false;
}

void Server::admit(UniqueFd fd, const sockaddr* address, const Door& door) {
  if (address->sa_family != AF_UNIX && refuses(address)) return;
  auto peer = peer_of(address, door.socket.name());
  if (!peer.local) keep_alive(fd.get());
  ++shared_.metrics[Counter::connections_accepted];
  adopt(std::move(fd), std::move(peer));
}

bool Server::refuses(const sockaddr* address) {
  if (!settings_.allow || settings_.allow(address)) return false;
  ++shared_.metrics[Counter::connections_refused];
  const auto host = host_of(address);
  if (refusals_.first(host, shared_.loop.now())) {
    shared_.logger.format(Level::warning, "connection refused: {} is not in main.allow", host);
  }
  return true;
}

void Server::pause(std::string_view why) {
  paused_ = true;
  for (const auto& door : doors_) door->io.want(0);
  retry_.arm(retry_after);
  if (std::exchange(told_of_pause_, true)) return;
  ++shared_.metrics[Counter::accept_pauses];
  shared_.logger.format(Level::warning, "new connections must wait: {}", why);
}

void Server::resume() {
  paused_ = false;
  retry_.cancel();
  for (const auto& door : doors_) door->io.want(EV_READ);
}

void Server::all_accepted() {
  if (std::exchange(told_of_pause_, false)) shared_.logger.log(Level::info, "new connections are accepted again");
}

// ---- leaving ----

void Server::left(Session& session, CloseReason) {
  const auto place = session.place;
  std::swap(sessions_[place], sessions_.back());
  sessions_[place]->place = place;
  shared_.loop.retire(std::move(sessions_.back()));
  sessions_.pop_back();
  --shared_.metrics[Gauge::connections];
  if (paused_) resume();
  if (shared_.stopping && sessions_.empty()) shared_.loop.ready().again(*this);
}

void Server::stop(milliseconds limit, std::function<void()> drained) {
  for (const auto& door : doors_) {  // their requests may have arrived as well
    for (int n = 0; n < SOMAXCONN && !full() && accept_one(*door); ++n) {}
  }
  doors_.clear();
  shared_.stopping = true;
  drained_ = std::move(drained);
  for (const auto& session : sessions_) session->finish();
  limit_.arm(limit);
  if (sessions_.empty()) shared_.loop.ready().again(*this);
}

void Server::give_up() {
  while (!sessions_.empty()) sessions_.back()->close(CloseReason::shutdown);
}

void Server::serve() {
  limit_.cancel();
  if (drained_) std::exchange(drained_, {})();
}

}  // namespace policymux
