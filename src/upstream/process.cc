#include "upstream/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace policymux {
namespace {

struct Pipe {
  UniqueFd from{}, to{};
};

Result<Pipe, std::string> make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return Unexpected<std::string>{std::strerror(errno)};
  Pipe pipe{UniqueFd{ends[0]}, UniqueFd{ends[1]}};
  if (::fcntl(ends[0], F_SETFL, O_NONBLOCK) != 0) return Unexpected<std::string>{std::strerror(errno)};
  return pipe;
}

}  // namespace

// ---- one ----

Process::Process(Processes& home, Child child, UniqueFd standard_error, ProcessOwner& owner)
    : home_{home},
      child_{std::move(child)},
      standard_error_{std::move(standard_error)},
      owner_{&owner},
      said_{home.loop_.raw(), standard_error_.get(), this},
      ended_{home.loop_.raw(), child_.pidfd.get(), this},
      patience_{home.loop_.raw(), this} {
  said_.want(EV_READ);
  ended_.want(EV_READ);
}

void Process::leave() {
  if (state_ != State::running) return;
  state_ = State::leaving;
  patience_.arm(time_to_leave);
}

void Process::end() {
  if (state_ == State::ending) return;
  state_ = State::ending;
  signal_all(child_, SIGTERM);
  patience_.arm(time_to_die);
}

void Process::kill() { signal_all(child_, SIGKILL); }

void Process::wait() {
  constexpr int longest_ms = 1000;
  pollfd end{.fd = child_.pidfd.get(), .events = POLLIN, .revents = 0};
  while (::poll(&end, 1, longest_ms) < 0 && errno == EINTR) {}
  reap(child_);
}

void Process::on_patience_over() {
  if (state_ == State::leaving) end();
  else kill();
}

// One piece a wake-up: others want their turn.
void Process::on_said(int) {
  if (!read_piece()) said_.want(0);
}

// False: nothing more will come.
bool Process::read_piece() {
  std::array<char, 4096> piece;
  const auto n = ::read(standard_error_.get(), piece.data(), piece.size());
  if (n < 0) return errno == EAGAIN || errno == EINTR;
  lines_.take({piece.data(), static_cast<std::size_t>(n)}, [this](std::string_view line) { tell(line); });
  return n > 0;
}

void Process::tell(std::string_view line) {
  if (owner_ != nullptr) owner_->said(line);
}

void Process::on_ended(int) {
  constexpr int most_pieces = 16;  // as much as a pipe holds
  const auto how = reap(child_);
  if (!how) return;
  for (int i = 0; i < most_pieces && read_piece(); ++i) {}
  lines_.finish([this](std::string_view line) { tell(line); });
  said_.want(0);
  ended_.want(0);
  patience_.cancel();
  auto* const owner = std::exchange(owner_, nullptr);
  home_.gone(*this);
  if (owner != nullptr) owner->ended(*how);
}

// ---- all ----

Processes::~Processes() {
  for (const auto& [process, owned] : processes_) process->kill();
  for (const auto& [process, owned] : processes_) process->wait();
}

Result<Processes::Started, std::string> Processes::start(const Program& program, ProcessOwner& owner) {
  auto pipe = make_pipe();
  if (!pipe) return Unexpected{std::move(pipe).error()};
  auto child = policymux::start(program, pipe->to.get());
  if (!child) return Unexpected{std::move(child).error()};
  auto socket = std::move(child->socket);
  auto made = std::make_unique<Process>(*this, *std::move(child), std::move(pipe->from), owner);
  auto& process = *made;
  processes_.emplace(&process, std::move(made));
  return Started{process, std::move(socket)};
}

void Processes::stop(std::function<void()> done) {
  stopping_ = true;
  done_ = std::move(done);
  for (const auto& [process, owned] : processes_) process->leave();
  constexpr std::chrono::seconds after_the_kill{1};
  give_up_.arm(processes_.empty() ? milliseconds{} : Process::time_to_leave + Process::time_to_die + after_the_kill);
}

void Processes::gone(Process& process) {
  auto node = processes_.extract(&process);
  loop_.retire(std::move(node.mapped()));
  if (stopping_ && processes_.empty()) give_up_.arm(milliseconds{});
}

void Processes::on_give_up() {
  if (const auto done = std::exchange(done_, nullptr)) done();
}

}  // namespace policymux
