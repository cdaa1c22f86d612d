#include "app/systemd.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <utility>

#include <fmt/format.h>

#include "base/text.h"

namespace policymux {
namespace {

constexpr int first_passed_fd = 3;

// Its value, empty where it is not set; it is not set afterwards.
std::string take_variable(const char* name) {
  const char* const value = std::getenv(name);
  std::string out = value == nullptr ? "" : value;
  ::unsetenv(name);
  return out;
}

// Not set means everybody.
bool is_for_us(const std::string& pid) { return pid.empty() || pid == std::to_string(::getpid()); }

Result<std::vector<ListeningSocket>, std::string> take_sockets() {
  const auto pid = take_variable("LISTEN_PID");
  const auto count = take_variable("LISTEN_FDS");
  take_variable("LISTEN_FDNAMES");
  std::vector<ListeningSocket> sockets;
  if (pid.empty() || !is_for_us(pid)) return sockets;
  for (std::uint64_t i = 0; i < parse_number(count).value_or(0); ++i) {
    const int fd = first_passed_fd + static_cast<int>(i);
    auto socket = adopt_listener(UniqueFd{fd});
    if (!socket) return Unexpected{fmt::format("LISTEN_FDS={}: descriptor {}: {}", count, fd, socket.error())};
    sockets.push_back(*std::move(socket));
  }
  return sockets;
}

std::optional<milliseconds> take_watchdog() {
  const auto pid = take_variable("WATCHDOG_PID");
  const auto limit = parse_number(take_variable("WATCHDOG_USEC"));
  if (!limit || !is_for_us(pid)) return std::nullopt;
  return std::chrono::floor<milliseconds>(std::chrono::microseconds{*limit});
}

}  // namespace

// ---- telling ----

ServiceManager::ServiceManager(std::string_view socket) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (socket.size() < 2 || socket.size() >= sizeof address.sun_path) return;
  socket.copy(address.sun_path, socket.size());
  if (socket.front() == '@') address.sun_path[0] = '\0';
  else if (socket.front() != '/') return;
  UniqueFd fd{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + socket.size());
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), size) == 0) socket_ = std::move(fd);
}

void ServiceManager::ready(std::string_view status) const { tell(fmt::format("READY=1\nSTATUS={}", status)); }

// With the time: systemd tells by it that this is the reload it has asked for.
void ServiceManager::reloading() const {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  tell(fmt::format("RELOADING=1\nMONOTONIC_USEC={}\nSTATUS=Reloading",
                   std::chrono::duration_cast<std::chrono::microseconds>(now).count()));
}

void ServiceManager::stopping() const { tell("STOPPING=1\nSTATUS=Answering what was received"); }

void ServiceManager::alive() const { tell("WATCHDOG=1"); }

void ServiceManager::tell(std::string_view message) const {
  if (socket_) ::send(socket_.get(), message.data(), message.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
}

// ---- being told ----

Result<Handover, std::string> take_handover() {
  Handover out{.watchdog = take_watchdog()};
  auto sockets = take_sockets();
  if (!sockets) return Unexpected{std::move(sockets).error()};
  out.sockets = *std::move(sockets);
  out.manager = ServiceManager{take_variable("NOTIFY_SOCKET")};
  return out;
}

// ---- the watchdog ----

Heartbeat::Heartbeat(Loop& loop, const ServiceManager& manager, std::optional<milliseconds> watchdog)
    : manager_{manager}, every_{watchdog.value_or(milliseconds{}) / 2}, timer_{loop.raw(), this} {
  if (watchdog) beat();
}

void Heartbeat::beat() {
  manager_.alive();
  timer_.arm(std::max(every_, milliseconds{1}));
}

}  // namespace policymux
