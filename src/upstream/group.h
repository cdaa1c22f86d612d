// Services that stand in for each other, and one request's way through them.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
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

class Journey;

//   Limits  queue_limit requests wait for a connection, each as long as a try may take. Whoever waits for the
//           connection that answered last about his message, or for its service, takes another one after `patience`, of
//           that service if it has room.
class ServiceGroup final : private Service::Listener {
 public:
  static constexpr std::size_t queue_limit = 1000;
  static constexpr std::chrono::seconds patience{1};

  struct Seat {
    std::shared_ptr<Service> service{};
    std::uint32_t priority = 10, weight = 1;
    bool operator==(const Seat&) const = default;
  };
  // Who is to be asked.
  struct Choice {
    std::size_t seat = 0;
    enum class Bound : std::uint8_t {
      no,       // any service of the same priority will do
      by_rule,  // it has to be this one: hash, first
      by_last,  // it answered last about the message
    } bound = Bound::no;
    ConnectionId connection = 0;  // by_last: over which it did
  };

  ServiceGroup(Config::Group settings, std::vector<Seat> seats, std::shared_ptr<GroupMemory> memory);
  ~ServiceGroup();
  ServiceGroup& operator=(ServiceGroup&&) = delete;

  const Config::Group& settings() const { return settings_; }
  const std::vector<Seat>& seats() const { return seats_; }
  const std::shared_ptr<GroupMemory>& memory() const { return memory_; }
  Service& service(std::size_t seat) const { return *seats_[seat].service; }
  void begin_at(double chance) { balancer_.begin_at(chance); }
  std::size_t queued(const Service& service) const;

  // Of the services that are available and not `tried` (empty: none was) the one that answered last about the
  // message (0: never mind), else whom `balance` says. Nothing: there is none.
  std::optional<Choice> choose(const std::vector<bool>& tried, std::uint64_t message, std::uint64_t key,
                               SteadyTime now);

  // The journey waits for room; Journey::turn() is called then. False: too many wait.
  bool wait(Journey& journey);
  void forget(const Journey& journey);

 private:
  std::size_t waiting(const Service& service, SteadyTime since) const override;
  void changed(Service& service, ConnectionId free) override;

  const Config::Group settings_;
  const std::vector<Seat> seats_;
  const std::shared_ptr<GroupMemory> memory_;
  Balancer balancer_;
  std::vector<Standing> standings_;  // scratch
  std::deque<Journey*> waiting_{};   // in order of arrival
};

// One request's way to an answer: one service after the other, within the group's deadline.
class Journey final : private Attempt, private Ready {
 public:
  class Owner {
   public:
    // nullptr: nobody answered. Called once, never from inside Journey's constructor; may destroy the journey.
    virtual void settled(const CheckedAction* action) = 0;

   protected:
    ~Owner() = default;
  };

  // Asks at once. `deadline`: of the question. The request's bytes outlive it.
  Journey(Loop& loop, std::shared_ptr<ServiceGroup> group, const Request& request, SteadyTime deadline, Owner& owner);
  ~Journey() {
    Attempt::leave("nobody waits for it any more");
    if (waiting_) group_->forget(*this);
  }

  const ServiceGroup& group() const { return *group_; }

  // While it waits: for which service, for which of its connections (0: any), would that one do now, and go.
  std::size_t seat() const { return choice_.seat; }
  ConnectionId connection() const { return choice_.connection; }
  SteadyTime waits_since() const { return waits_since_; }
  bool may_take(std::size_t seat) const;
  void turn(std::size_t seat);

 private:
  void answered(const CheckedAction& action, Affinity::Place by) override;
  void failed() override;
  void serve() override { give_up(); }
  void on_timer();

  bool go_on();
  bool ask(std::size_t seat);
  bool wait();
  void pass_over();
  void arm(SteadyTime at);
  void give_up();

  Loop& loop_;
  const std::shared_ptr<ServiceGroup> group_;
  Owner& owner_;
  std::string rewritten_{};     // the request, where its own bytes cannot be sent
  const std::uint64_t message_, key_;
  const SteadyTime deadline_;
  bool bindable_ = true;        // by the service that answered last
  bool waiting_ = false;
  SteadyTime waits_since_{};
  std::vector<bool> tried_{};   // by seat; empty until a try has failed
  std::uint32_t failures_ = 0;
  ServiceGroup::Choice choice_{};      // who is asked, or waited for
  Timer<Journey, &Journey::on_timer> timer_;
};

}  // namespace policymux
