// The workers of one plug-in: when they are started and sent away, what they say, how they end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/unique_fd.h"
#include "config/config.h"
#include "loop/loop.h"
#include "upstream/affinity.h"
#include "upstream/chatter.h"
#include "upstream/exchange.h"
#include "upstream/process.h"
#include "upstream/staffing.h"

namespace policymux {

// Who asks the workers, each over a connection of its own.
class Employer {
 public:
  virtual std::size_t workers() const = 0;  // it has a connection to
  virtual std::size_t idle() const = 0;     // of these
  // How many requests have been waiting for one of them since then, or longer.
  virtual std::size_t waiting(SteadyTime since) const = 0;
  virtual SteadyTime last_answer() const = 0;
  virtual void hire(std::size_t n) = 0;     // with Crew::start() for each
  virtual void dismiss(std::size_t n) = 0;  // of the idle ones, with Crew::part() for each. REQUIRES: so many are idle
  // Its process is gone; somebody else may still hold the other end of its connection.
  virtual void worker_ended(ConnectionId id) = 0;
  // Whether workers can be started now has changed. Must not call back at once.
  virtual void starts_changed() = 0;

 protected:
  ~Employer() = default;
};

// Why a connection to a worker is given up.
enum class Parting : std::uint8_t {
  dismissed,   // we have no more work for it, or it has done enough
  gone,        // it ended the connection
  misbehaved,  // it hangs or talks nonsense
};

//   Number   see Staffing: `least` run, more while requests wait for `grow_after`, until they were not needed for
//            max_idle (`idle_time`, where that is not set) or up to twice that.
//   Starts   see StartLimit; a few in each of the loop's passes, since each takes about half a millisecond. Whoever
//            answered and dies is replaced at once.
//   Ends     see Process: one that was dismissed may finish, one that misbehaved is sent SIGTERM.
//   Log      what workers write to standard error, with the service's name and theirs; see LineBudget. The first
//            lines of a worker wait until it has answered or has run for a second: those of a program that fails
//            again and again are told once.
//   Borrows  Exchange, settings and employer, which outlive it.
class Crew {
 public:
  static constexpr milliseconds grow_after{20};
  static constexpr std::chrono::minutes idle_time{1};

  Crew(Exchange& exchange, const Config::Service& settings, Employer& employer);
  ~Crew();
  Crew& operator=(Crew&&) = delete;

  // Starts as many as there should be, if that may be done now: some at once, the others in the loop's next passes.
  void fill();
  // May one be started now?
  bool may_start() const;
  // Starts one, for that connection. Nothing: it cannot be, or not now.
  std::optional<UniqueFd> start(ConnectionId id);
  // Its connection is closed. `why`, of one that misbehaved: for people. Fills up.
  void part(ConnectionId id, Parting parting, std::string_view why = {});
  // It has answered for the first time.
  void proven(ConnectionId id);

  // A request has to wait for one; so few are idle.
  void awaited();
  void idle(std::size_t n) { staffing_.idle(n); }

  // Is there a reason to expect an answer?
  bool does_well() const;
  Breaker::State state() const { return limit_.state(exchange_.loop.now()); }
  SteadyTime retry_at() const { return limit_.retry_at(); }  // REQUIRES: state() is not closed
  const std::string& reason() const { return reason_; }      // why workers are not started; empty: they are
  std::uint64_t started() const { return started_; }         // so far
  std::uint64_t failed() const { return failed_; }           // that died or misbehaved

 private:
  // What becomes of what it writes to standard error.
  enum class Voice : std::uint8_t { held, logged, muted };
  struct Worker final : ProcessOwner {
    Worker(Crew& c, ConnectionId i) : crew{c}, id{i} {}
    void said(std::string_view line) override { crew.said(*this, line); }
    void ended(const std::string& how) override { crew.ended(*this, how); }

    Crew& crew;
    const ConnectionId id;
    Process* process = nullptr;  // that runs
    pid_t pid = 0;
    SteadyTime born{};
    bool tried = false;          // starts are allowed again if it answers
    bool proven = false;         // it has answered
    Voice voice = Voice::held;
    std::optional<Parting> parted{};
    std::string end{};           // how it ended
    std::vector<std::string> held{};
  };

  void said(Worker& worker, std::string_view line);
  void ended(Worker& worker, const std::string& how);
  void forget(Worker& worker);
  void blame(Worker& worker, std::string_view why);
  void failed_start(Worker& worker, std::string_view why);
  void tell_replaced(const Worker& worker, std::string_view why);
  void settle(Worker& worker);
  void log(const Worker& worker, std::string_view line);
  bool may_log();

  bool is_crowded() const { return workers_.size() >= std::size_t{2} * settings_.workers.most; }
  void on_retry();
  void arm_retry();
  void on_still_waiting();
  void on_look();
  void on_tidy();
  milliseconds look_interval() const;

  Exchange& exchange_;
  const Config::Service& settings_;
  Employer& employer_;
  const Program program_;
  Staffing staffing_;
  StartLimit limit_;
  LineBudget budget_{};
  std::string reason_{};
  std::uint64_t started_ = 0, failed_ = 0;
  std::unordered_map<ConnectionId, std::unique_ptr<Worker>> workers_{};  // until both connection and process are gone
  bool told_crowded_ = false;
  Timer<Crew, &Crew::fill> more_;
  Timer<Crew, &Crew::on_retry> retry_;
  Timer<Crew, &Crew::on_still_waiting> grow_;
  Timer<Crew, &Crew::on_look> look_;
  Timer<Crew, &Crew::on_tidy> tidy_;
};

}  // namespace policymux
