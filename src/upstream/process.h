// The lives of child processes, from start to end.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include <policymux/result.h>

#include "base/time.h"
#include "base/unique_fd.h"
#include "loop/loop.h"
#include "upstream/chatter.h"
#include "upstream/program.h"

namespace policymux {

class Process;

// Who wants to know about a process. Never called from inside Processes::start(), nor after disown().
class ProcessOwner {
 public:
  // A line that it wrote to its standard error.
  virtual void said(std::string_view line) = 0;
  // It has ended, in words: "exit status 1". The process is not to be touched any more.
  virtual void ended(const std::string& how) = 0;

 protected:
  ~ProcessOwner() = default;
};

class Processes;

//   running ──leave()──▶ leaving ──time_to_leave: SIGTERM──▶ ending ──time_to_die: SIGKILL──▶ ended
//      └────────────────end(): SIGTERM────────────────────────▲
//
// Whatever it does, its end is waited for: no zombies.
//   Owns     its descriptors but the socket.
//   Borrows  Processes, which owns it until it has ended.
class Process final : public Retiree {
 public:
  static constexpr std::chrono::seconds time_to_leave{3};
  static constexpr std::chrono::seconds time_to_die{2};

  // `standard_error`: the end of its pipe to read from, non-blocking.
  Process(Processes& home, Child child, UniqueFd standard_error, ProcessOwner& owner);

  pid_t pid() const { return child_.pid; }

  // Its socket is closed, or will be in a moment: it has to go.
  void leave();
  // It does not do what it should. What it has said so far is still told, and how it ends.
  void end();
  // Its owner goes: nobody is told any more.
  void disown() { owner_ = nullptr; }

  void kill();
  // Blocks until it is gone, but for a second at most: one may hang in the kernel. REQUIRES: kill().
  void wait();

 private:
  enum class State : std::uint8_t { running, leaving, ending };

  void on_said(int);
  void on_ended(int);
  void on_patience_over();
  bool read_piece();
  void tell(std::string_view line);

  Processes& home_;
  Child child_;
  UniqueFd standard_error_;
  ProcessOwner* owner_;
  State state_ = State::running;
  LineCutter lines_{};
  IoWatcher<Process, &Process::on_said> said_;
  IoWatcher<Process, &Process::on_ended> ended_;
  Timer<Process, &Process::on_patience_over> patience_;
};

// All child processes of the room. REQUIRES: the loop outlives it, and it outlives the owners or is told that they go.
class Processes {
 public:
  explicit Processes(Loop& loop) : loop_{loop}, give_up_{loop.raw(), this} {}
  // Kills what is left.
  ~Processes();
  Processes& operator=(Processes&&) = delete;

  struct Started {
    Process& process;
    UniqueFd socket;
  };
  // The error is in words. REQUIRES: not stopping().
  Result<Started, std::string> start(const Program& program, ProcessOwner& owner);

  // All have to leave, and no further one starts. `done` is called once, from the loop: when the last one has ended, or
  // when not even SIGKILL has helped.
  void stop(std::function<void()> done);
  bool stopping() const { return stopping_; }

  std::size_t count() const { return processes_.size(); }

 private:
  friend class Process;
  void gone(Process& process);
  void on_give_up();

  Loop& loop_;
  std::unordered_map<Process*, std::unique_ptr<Process>> processes_{};
  std::function<void()> done_{};
  Timer<Processes, &Processes::on_give_up> give_up_;
  bool stopping_ = false;
};

}  // namespace policymux
