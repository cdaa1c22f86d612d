#include "bench/load.h"

#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <deque>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "base/unique_fd.h"
#include "bench/requests.h"
#include "bench/socket.h"

namespace policymux {
namespace {

using Clock = std::chrono::steady_clock;
using Time = Clock::time_point;

constexpr std::size_t generated_requests = 4096;
constexpr std::uint64_t most_failures = 1000;
constexpr std::chrono::seconds patience{1};  // for what is still outstanding at the end

struct Connection {
  UniqueFd fd;
  Time intended{};         // when its outstanding request should have been sent
  bool waiting = false;    // for an answer
  std::string_view request{};
  bool unsent = false;     // the request waits for the connection to be made
  std::size_t size = 0;    // of the reply so far
  std::array<char, 2048> reply{};
};

std::chrono::microseconds cpu_time() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto sum = [](const timeval& t) {
    return std::chrono::seconds{t.tv_sec} + std::chrono::microseconds{t.tv_usec};
  };
  return sum(usage.ru_utime) + sum(usage.ru_stime);
}

void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

// When the next request is due: now, or by the clock of a fixed rate.
class Schedule {
 public:
  Schedule(double rate, Time start) : rate_{rate}, start_{start} {}
  bool fixed() const { return rate_ > 0; }
  Time next(Time now) const {
    if (!fixed()) return now;
    const std::chrono::duration<double> after{static_cast<double>(sent_) / rate_};
    return start_ + std::chrono::duration_cast<Clock::duration>(after);
  }
  void sent() { ++sent_; }

 private:
  double rate_;
  Time start_;
  std::uint64_t sent_ = 0;
};

class Load {
 public:
  Load(const TrafficOptions& options, const SocketAddress& target, RequestPool pool)
      : options_{options}, target_{target}, pool_{std::move(pool)}, epoll_{::epoll_create1(EPOLL_CLOEXEC)},
        connections_(options.connections) {}

  Result<LoadReport, std::string> run() {
    for (std::size_t i = 0; i < connections_.size(); ++i) open(i);
    const auto start = Clock::now();
    measured_from_ = start + options_.warm_up;
    measured_until_ = measured_from_ + options_.duration;
    Schedule schedule{options_.rate, start};
    std::chrono::microseconds cpu_before{};
    for (auto now = start; now < measured_until_ && !enough(); now = Clock::now()) {
      if (cpu_before.count() == 0 && now >= measured_from_) cpu_before = cpu_time();
      send_due(schedule, now);
      poll(schedule.fixed() && !idle_.empty() ? 0 : 100);
    }
    report_.cpu = cpu_time() - cpu_before;
    const auto end = std::min(Clock::now(), measured_until_);
    report_.elapsed = std::max(end - measured_from_, Clock::duration{1});
    drain();
    if (!problem_.empty()) return Unexpected{problem_};
    return std::move(report_);
  }

 private:
  bool enough() const {
    return !problem_.empty() || (options_.count != 0 && report_.latency.total() >= options_.count);
  }

  void open(std::size_t index) {
    if (take(index, connect_to(options_.target))) idle_.push_back(index);
  }

  bool take(std::size_t index, Result<UniqueFd, std::string> fd) {
    if (!fd) {
      problem_ = fd.error();
      return false;
    }
    auto& connection = connections_[index];
    connection.fd = *std::move(fd);
    connection.waiting = false;
    connection.unsent = false;
    connection.size = 0;
    watch(index, EPOLL_CTL_ADD, EPOLLIN);
    return true;
  }

  void watch(std::size_t index, int operation, std::uint32_t events) {
    epoll_event event{.events = events, .data = {.u64 = index}};
    ::epoll_ctl(epoll_.get(), operation, connections_[index].fd.get(), &event);
  }

  void fail(std::size_t index) {
    if (++report_.failures > most_failures) {
      problem_ = fmt::format("{}: connections are lost, or replies are none; gave up", to_string(options_.target));
    } else {
      open(index);
    }
  }

  void send_due(Schedule& schedule, Time now) {
    for (auto left = idle_.size(); left > 0 && problem_.empty(); --left) {
      const auto due = schedule.next(now);
      if (due > now) return;
      const auto index = idle_.front();
      idle_.pop_front();
      schedule.sent();
      send(index, due);
    }
  }

  void send(std::size_t index, Time intended) {
    auto& connection = connections_[index];
    if (!connection.fd && !take(index, begin_connect(options_.target, target_, made_++))) return;
    if (options_.requests.empty()) pool_.renew(next_request_);  // mail has an instance for each message
    connection.request = pool_[next_request_];
    next_request_ = next_request_ + 1 == pool_.size() ? 0 : next_request_ + 1;
    connection.intended = intended;
    connection.waiting = true;
    transmit(index);
  }

  // A request is far smaller than a socket's buffer: it goes out whole, or the connection is not made yet, or broken.
  void transmit(std::size_t index) {
    auto& connection = connections_[index];
    const auto sent = ::send(connection.fd.get(), connection.request.data(), connection.request.size(), MSG_NOSIGNAL);
    const bool unsent = sent < 0 && errno == EAGAIN;
    if (unsent != connection.unsent) watch(index, EPOLL_CTL_MOD, unsent ? EPOLLOUT : EPOLLIN);
    connection.unsent = unsent;
    if (!unsent && sent != static_cast<ssize_t>(connection.request.size())) fail(index);
  }

  void poll(int timeout_ms) {
    std::array<epoll_event, 256> events;
    const int ready = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), timeout_ms);
    for (int i = 0; i < ready; ++i) {
      const auto index = events[static_cast<std::size_t>(i)].data.u64;
      if (connections_[index].unsent) transmit(index);
      else receive(index);
    }
  }

  void receive(std::size_t index) {
    auto& connection = connections_[index];
    char* const end = connection.reply.data() + connection.size;
    const auto size = ::recv(connection.fd.get(), end, connection.reply.size() - connection.size, 0);
    if (size < 0 && errno == EAGAIN) return;
    if (size <= 0 || !connection.waiting) return lose(index);
    connection.size += static_cast<std::size_t>(size);
    const std::string_view reply{connection.reply.data(), connection.size};
    if (!reply.ends_with("\n\n")) {
      if (reply.size() == connection.reply.size()) lose(index);
      return;
    }
    if (!reply.starts_with("action=")) return lose(index);
    answered(index);
  }

  // A server may close an idle connection: that alone is no failure.
  void lose(std::size_t index) {
    if (connections_[index].waiting) return fail(index);
    std::erase(idle_, index);
    open(index);
  }

  void answered(std::size_t index) {
    auto& connection = connections_[index];
    const auto now = Clock::now();
    ++report_.all_answers;
    if (now >= measured_from_ && now < measured_until_) ++report_.answers;
    if (connection.intended >= measured_from_) report_.latency.add(now - connection.intended);
    connection.waiting = false;
    connection.size = 0;
    if (options_.reconnect) connection.fd = UniqueFd{};
    idle_.push_back(index);
  }

  // Waits for what was sent in time, so that the slowest answers are not left out.
  void drain() {
    const auto until = Clock::now() + patience;
    while (problem_.empty() && outstanding() > 0 && Clock::now() < until) poll(10);
    report_.unanswered = outstanding();
  }
  std::uint64_t outstanding() const {
    return static_cast<std::uint64_t>(std::ranges::count(connections_, true, &Connection::waiting));
  }

  const TrafficOptions& options_;
  const SocketAddress target_;
  RequestPool pool_;
  UniqueFd epoll_;
  std::vector<Connection> connections_;
  std::deque<std::size_t> idle_;  // first in, first out: every connection gets its turn
  std::size_t next_request_ = 0;
  std::uint64_t made_ = 0;        // connections
  Time measured_from_{}, measured_until_{};
  LoadReport report_;
  std::string problem_;
};

Result<RequestPool, std::string> requests_for(const TrafficOptions& options) {
  if (!options.requests.empty()) return read_requests(options.requests);
  return generate_requests(options.seed, generated_requests);
}

}  // namespace

Result<LoadReport, std::string> run_load(const TrafficOptions& options) {
  if (auto pinned = pin_to_cpu(options.cpu); !pinned) return Unexpected{pinned.error()};
  const auto target = resolve(options.target);
  if (!target) return Unexpected{target.error()};
  auto pool = requests_for(options);
  if (!pool) return Unexpected{pool.error()};
  raise_descriptor_limit();
  return Load{options, *target, std::move(*pool)}.run();
}

}  // namespace policymux
