// Services that stand in for each other, and one request's way through them.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <policymux/request.h>

#include "config/config.h"
#include "loop/loop.h"
#include "upstream/affinity.h"
#include "upstream/balance.h"
#include "upstream/service.h"

namespace policymux {

// What outlives a reload that changes the group.
struct GroupMemory {
  Affinity affinity{};
  std::uint64_t requests = 0, defaults = 0, differences = 0;
};

class Group {
 public:
  struct Seat {
    std::shared_ptr<Service> service{};
    std::uint32_t priority = 10, weight = 1;
    bool operator==(const Seat&) const = default;
  };

  Group(Config::Group settings, std::vector<Seat> seats, std::shared_ptr<GroupMemory> memory);

  const Config::Group& settings() const { return settings_; }
  const std::vector<Seat>& seats() const { return seats_; }
  const std::shared_ptr<GroupMemory>& memory() const { return memory_; }
  void begin_at(double chance) { balancer_.begin_at(chance); }

  // The seat of the service to be asked: of those that are available and not `tried` (empty: nobody was) the one that
  // answered last about the message, else whom `balance` says. Where that is so `connection` is the one to prefer.
  struct Choice {
    std::size_t seat = 0;
    ConnectionId connection = 0;
  };
  std::optional<Choice> choose(const std::vector<bool>& tried, std::uint64_t message, std::uint64_t key, SteadyTime now);

 private:
  const Config::Group settings_;
  const std::vector<Seat> seats_;
  const std::shared_ptr<GroupMemory> memory_;
  Balancer balancer_;
  std::vector<Standing> standings_;  // scratch
};

// One request's way to an answer: one service after the other, within the group's deadline.
class Run final : private Attempt, private Ready {
 public:
  class Owner {
   public:
    // nullptr: nobody answered. Called once, never from inside Run's constructor; may destroy the run.
    virtual void settled(const CheckedAction* action) = 0;

   protected:
    ~Owner() = default;
  };

  // Asks at once. `deadline`: of the question.
  Run(Loop& loop, std::shared_ptr<Group> group, const Request& request, SteadyTime deadline, Owner& owner);

  Group& group() { return *group_; }

 private:
  void answered(const CheckedAction& action, Affinity::Place by) override;
  void failed(Failure failure) override;
  void serve() override { give_up(); }
  void on_deadline();

  bool go_on();
  void note(Failure failure);
  void give_up();

  Loop& loop_;
  const std::shared_ptr<Group> group_;
  Owner& owner_;
  const std::uint64_t message_, key_;
  const SteadyTime deadline_;
  std::vector<bool> tried_{};   // by seat; empty until a try has failed
  std::uint32_t failures_ = 0;
  std::size_t seat_ = 0;        // that is asked
  Timer<Run, &Run::on_deadline> timer_;
};

}  // namespace policymux
